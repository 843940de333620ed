#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/context.hpp"

/// The coupon table as values.
namespace foyer::ledger {

/// `boot`: of which opening it is; 0: it was issued elsewhere.
void insert_coupon(Db& db, const campaign::Coupon& coupon, std::uint64_t boot);
std::optional<campaign::Coupon> coupon_by_id(Db& db, const std::string& id);
std::optional<campaign::Coupon> coupon_by_code(Db& db, const std::string& code);

/// A new coupon of this prize, in the table. nullopt: the prize takes its codes from the merchant's own list and none
/// is left.
std::optional<campaign::Coupon> issue_coupon(Context& context, const campaign::Campaign& campaign,
                                             const campaign::Prize& prize, const campaign::Shopper& shopper);

/// Newest first; at most kMaxCouponsShown.
inline constexpr int kMaxCouponsShown = 200;
std::vector<campaign::Coupon> coupons_of(Db& db, const std::string& subject);

/// Issued coupons past their end become expired, reservations past theirs are given up; at most `most` of each.
/// Returns how many.
std::size_t expire_coupons(Context& context, std::size_t most);

/// The times of what this opening issued within these moments, by a clock that was so late, as they are by the right
/// one: what counts from the issue moves, a date that the campaign names stays.
void move_coupons(Context& context, std::uint64_t boot, WallTime from, WallTime to, std::chrono::milliseconds by);

/// {coupon, campaign, prize, state, value, store}: what every coupon event carries. Never the code.
Json coupon_data(const campaign::Coupon& coupon, const std::string& store);

/// 32 hex: the second, then 96 random bits; so new rows share the last page of their table.
std::string dated_id(const Context& context);

}  // namespace foyer::ledger
