#include "campaign/till_rules.hpp"

#include <algorithm>

namespace foyer::campaign {
namespace {

bool spends_enough(const Benefit& benefit, const TillRequest& request) {
  if (!benefit.min_spend) return true;
  if (!request.amount) return request.action == TillAction::reserve;
  return request.amount->currency == benefit.min_spend->currency && request.amount->minor >= benefit.min_spend->minor;
}

}  // namespace

bool is_held(const Coupon& coupon, WallTime now) {
  return coupon.state == CouponState::reserved && now < coupon.reserved_until &&
         coupon.reserved_until - now <= kLongestReservation;
}

std::optional<Reason> refused_by_state(const Coupon& coupon, const std::string& reservation, WallTime now) {
  switch (coupon.state) {
    case CouponState::voided: return Reason::voided;
    case CouponState::expired: return Reason::expired;
    case CouponState::redeemed: return Reason::already_redeemed;
    case CouponState::issued:
    case CouponState::reserved: break;
  }
  if (coupon.uses_left == 0) return Reason::already_redeemed;
  if (is_held(coupon, now)) {
    if (reservation == coupon.reservation) return std::nullopt;
    return Reason::reserved_elsewhere;
  }
  if (now >= coupon.expires_at) return Reason::expired;
  return std::nullopt;
}

std::optional<Reason> refused_at_till(const Coupon& coupon, const TillRequest& request, const std::string& store,
                                      WallTime now, const ZoneTime& zone) {
  if (auto reason = refused_by_state(coupon, request.reservation, now)) return reason;
  const auto& stores = coupon.redeem_at;
  if (!stores.empty() && std::ranges::find(stores, store) == stores.end()) return Reason::wrong_store;
  if (now < coupon.starts_at) return Reason::not_started;
  if (!is_open(coupon.hours, now, zone)) return Reason::outside_hours;
  if (!spends_enough(coupon.benefit, request)) return Reason::min_spend;
  // abs: after the clock was set back, the wait is the interval again and not as long as the step was.
  if (coupon.last_used && std::chrono::abs(now - *coupon.last_used) < coupon.interval) return Reason::interval;
  return std::nullopt;
}

}  // namespace foyer::campaign
