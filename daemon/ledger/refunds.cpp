// What a till takes back: a use of a coupon, a reservation, a sale.
#include <algorithm>
#include <cstdlib>

#include "ledger/coupons.hpp"
#include "ledger/offers.hpp"
#include "ledger/till.hpp"

namespace foyer::ledger {
namespace {

using campaign::Coupon;
using campaign::CouponState;
using campaign::Reason;
using campaign::TillAnswer;
using campaign::TillRequest;

struct Use {
  std::int64_t n = 0;
  std::string store, ended;
};

/// The newest use that stands; with a check number, the newest with that number. Where none stands, the newest of all,
/// so that the answer can say that it was taken back already.
std::optional<Use> use_to_void(Db& db, const std::string& coupon, const std::string& check_no) {
  auto query = db.query(
      "SELECT n, store, ended FROM redemption WHERE coupon = ?1 AND (?2 = '' OR check_no = ?2) "
      "ORDER BY ended != '', n DESC LIMIT 1");
  query.bind(coupon, check_no);
  if (!query.next()) return std::nullopt;
  return Use{query.integer(0), query.text(1), query.text(2)};
}

TillAnswer refuse(Reason reason, std::optional<Coupon> coupon) {
  TillAnswer answer;
  answer.refused = reason;
  answer.coupon = std::move(coupon);
  return answer;
}

void give_back(Context& context, const std::string& coupon) {
  context.db
      .query(
          "UPDATE coupon SET uses_left = min(uses, uses_left + 1), last_used_ms = "
          "(SELECT ifnull(max(at_ms), 0) FROM redemption WHERE coupon = ?1 AND ended IN ('', 'dispute')), "
          "state = CASE WHEN state = 'reserved' THEN state WHEN state = 'expired' OR expires_ms <= ?2 THEN 'expired' "
          "ELSE 'issued' END WHERE id = ?1")
      .bind(coupon, unix_ms(context.now))
      .run();
}

TillAnswer told(Context& context, const std::string& id, const TillRequest& request) {
  TillAnswer answer;
  answer.coupon = coupon_by_id(context.db, id);
  auto data = coupon_data(*answer.coupon, store_of(request, context.settings));
  data["uses_left"] = answer.coupon->uses_left;
  data["reason"] = request.reason;
  add_till(data, request);
  context.emit(Stream::ledger, "coupon.voided", answer.coupon->subject, data);
  return answer;
}

TillAnswer give_up(Context& context, const Coupon& coupon, const TillRequest& request) {
  context.db
      .query(
          "UPDATE coupon SET reservation = '', reserved_until_ms = 0, "
          "state = CASE WHEN expires_ms <= ?2 THEN 'expired' ELSE 'issued' END WHERE id = ?1")
      .bind(coupon.id, unix_ms(context.now))
      .run();
  return told(context, coupon.id, request);
}

struct Sale {
  std::string id, store, subject, issued, ended, currency;
  std::int64_t minor = 0;
};

std::optional<Sale> read_sale(Query query, const std::string& key, const std::string& store) {
  query.bind(key, store);
  if (!query.next()) return std::nullopt;
  return Sale{query.text(0), query.text(1), query.text(2),   query.text(3),
              query.text(4), query.text(5), query.integer(6)};
}

std::optional<Sale> sale_of(Context& context, const TillRequest& request) {
  if (!request.sale.empty())
    return read_sale(context.db.query("SELECT id, store, subject, issued, ended, currency, minor FROM sale "
                                      "WHERE id = ?1 AND store = ?2"),
                     request.sale, store_of(request, context.settings));
  if (request.check_no.empty()) return std::nullopt;
  return read_sale(context.db.query("SELECT id, store, subject, issued, ended, currency, minor FROM sale "
                                    "WHERE check_no = ?1 AND store = ?2 ORDER BY id DESC LIMIT 1"),
                   request.check_no, store_of(request, context.settings));
}

/// Takes the first word away from `words`, which have blanks between.
std::string_view next_word(std::string_view& words, char between = ' ') {
  const auto word = words.substr(0, words.find(between));
  words.remove_prefix(std::min(words.size(), word.size() + 1));
  return word;
}

/// The red packets among what a sale gave (packet_mark), as its reversal tells them.
Json packets_of(const Sale& sale) {
  auto packets = Json::array();
  for (std::string_view given = sale.issued; !given.empty();) {
    auto mark = next_word(given);
    if (next_word(mark, ':') != "packet") continue;
    const auto campaign = next_word(mark, ':'), prize = next_word(mark, ':'), minor = next_word(mark, ':');
    const Money amount{std::strtoll(std::string(minor).c_str(), nullptr, 10), std::string(mark)};
    packets.push_back({{"campaign", campaign},
                       {"prize", prize},
                       {"nonce_hash", instance_hash(instance_of(sale.id))},
                       {"amount", format_amount(amount)},
                       {"currency", amount.currency}});
  }
  return packets;
}

/// `ids`: those of coupons, with blanks between.
void end_given(Context& context, std::string_view ids, const std::string& reason) {
  while (!ids.empty()) {
    const auto id = next_word(ids);
    const auto given = coupon_by_id(context.db, std::string(id));
    if (given && given->uses_left == given->uses) (void)end_coupon(context, given->code, reason);
  }
}

}  // namespace

TillAnswer void_use(Context& context, const TillRequest& request) {
  auto shown = shown_coupon(context.db, context.settings, context.now, request);
  if (!shown || shown->foreign) return refuse(Reason::not_found, std::nullopt);
  auto& coupon = shown->coupon;
  if (coupon.state == CouponState::voided) return refuse(Reason::voided, std::move(coupon));
  if (!request.reservation.empty()) {
    if (coupon.state == CouponState::reserved && coupon.reservation == request.reservation)
      return give_up(context, coupon, request);
    return refuse(Reason::reserved_elsewhere, std::move(coupon));
  }
  const auto use = use_to_void(context.db, coupon.id, request.check_no);
  if (!use) return refuse(Reason::not_found, std::nullopt);
  if (!use->ended.empty()) return refuse(Reason::voided, std::move(coupon));
  if (use->store != store_of(request, context.settings)) return refuse(Reason::wrong_store, std::move(coupon));
  context.db.query("UPDATE redemption SET ended = ?, ended_ms = ? WHERE coupon = ? AND n = ?")
      .bind(request.reason, unix_ms(context.now), coupon.id, use->n)
      .run();
  if (request.reason != "dispute") give_back(context, coupon.id);
  return told(context, coupon.id, request);
}

TillAnswer void_sale(Context& context, const TillRequest& request) {
  const auto sale = sale_of(context, request);
  if (!sale) return refuse(Reason::not_found, std::nullopt);
  TillAnswer answer;
  answer.sale = sale->id;
  if (!sale->ended.empty()) {
    answer.refused = Reason::voided;
    return answer;
  }
  context.db.query("UPDATE sale SET ended = ?, ended_ms = ? WHERE id = ?")
      .bind(request.reason, unix_ms(context.now), sale->id)
      .run();
  const Money amount{sale->minor, sale->currency};
  Json data{{"sale", sale->id},
            {"state", "voided"},
            {"amount", format_amount(amount)},
            {"currency", amount.currency},
            {"store", sale->store},
            {"reason", request.reason}};
  add_till(data, request);
  if (auto packets = packets_of(*sale); request.reason != "dispute" && !packets.empty())
    data["packets"] = std::move(packets);
  context.emit(Stream::ledger, "sale.recorded", sale->subject, data);
  // What the purchase gave goes with the purchase, as long as nobody has used it.
  if (request.reason != "dispute") end_given(context, sale->issued, request.reason);
  return answer;
}

}  // namespace foyer::ledger
