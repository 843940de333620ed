#pragma once

#include "ledger/context.hpp"

/// What a till does with coupons and sales.
namespace foyer::ledger {

/// The answer given to this idempotency key, or that the key is another request's; nullopt: it is new, or there is
/// none.
std::optional<campaign::TillAnswer> answered_before(Db& db, const campaign::TillRequest& request);
/// One request that changes something: the answer given before to the same idempotency key, or a new one.
campaign::TillAnswer till(Context& context, const campaign::TillRequest& request);
/// What redeem would answer; changes nothing.
campaign::TillAnswer check(Db& db, const Settings& settings, const campaign::ZoneTime& zone, WallTime now,
                           const campaign::TillRequest& request);

/// The operator's word: an issued or reserved coupon ends for good.
campaign::TillAnswer end_coupon(Context& context, const std::string& code, const std::string& why);

// Parts of the above, a file each ------------------------------------------------------------------------------

/// The coupon this request shows: by its id (a seal), its code, or the merchant's own code. One of another shop is not
/// in the table until it is used here: `foreign`.
struct Shown {
  campaign::Coupon coupon;
  bool foreign = false;
};
std::optional<Shown> shown_coupon(Db& db, const Settings& settings, WallTime now, const campaign::TillRequest& request);
/// The store of the request, else ours.
const std::string& store_of(const campaign::TillRequest& request, const Settings& settings);
/// terminal, operator, check_no: what is told of the till in an event.
void add_till(Json& data, const campaign::TillRequest& request);

/// refund | mistake: the use is given back; dispute: it stays used. Or gives up a reservation.
campaign::TillAnswer void_use(Context& context, const campaign::TillRequest& request);

/// Whose coupon or member code a sale shows, under the name the books have; empty where it shows none.
struct Buyer {
  std::string subject;
  std::string coupon, campaign;  ///< empty: it was a member code
};
/// nullopt: what is shown is nobody's.
std::optional<Buyer> buyer_of(Db& db, const Settings& settings, WallTime now, const campaign::TillRequest& request);
/// A sale is recorded, whoever bought. Purchase campaigns give to the `holder` of the request where the buyer is one of
/// their names.
campaign::TillAnswer sell(Context& context, const campaign::TillRequest& request);
/// The one happening a sale is for its campaigns.
std::string instance_of(const std::string& sale);
/// What stands in a sale's row for a red packet it gave, beside the ids of coupons.
std::string packet_mark(const campaign::DrawAnswer& won);
/// Ends a sale by its id, or the newest with that check number; a coupon it triggered that is unused is voided, a red
/// packet is told: the money is asked back upstream.
campaign::TillAnswer void_sale(Context& context, const campaign::TillRequest& request);

/// What a guest who is in may show instead of a coupon, so that a sale is theirs: a code that changes every 15 minutes
/// and is good until the next has come.
std::string member_code(const Settings& settings, const std::string& subject, WallTime now);
/// Whose member code this is, of those with an open session.
std::optional<std::string> member_of(Db& db, const Settings& settings, const std::string& code, WallTime now);

}  // namespace foyer::ledger
