#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/context.hpp"

/// The coupon table as values.
namespace foyer::ledger {

/// A coupon with what only the till needs of it.
struct CouponRow {
  campaign::Coupon coupon;
  std::uint32_t uses = 1;            ///< as issued
  std::chrono::seconds interval{0};  ///< between two uses
  std::optional<WallTime> last_used;
  std::string zone;  ///< it was won in; may be empty
};

void insert_coupon(Db& db, const CouponRow& row);
std::optional<CouponRow> coupon_by_id(Db& db, const std::string& id);
std::optional<CouponRow> coupon_by_code(Db& db, const std::string& code);

/// Newest first; at most kMaxCouponsShown.
inline constexpr int kMaxCouponsShown = 200;
std::vector<campaign::Coupon> coupons_of(Db& db, const std::string& subject);

/// {coupon, campaign, prize, state, value, store}: what every coupon event carries. Never the code.
Json coupon_data(const campaign::Coupon& coupon, const std::string& store);

}  // namespace foyer::ledger
