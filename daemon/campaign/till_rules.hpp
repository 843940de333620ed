#pragma once

#include <optional>
#include <string>

#include "campaign/exchange.hpp"
#include "campaign/zone_time.hpp"

/// What speaks against a coupon at a till: pure rules over values, the time handed in.
namespace foyer::campaign {

inline constexpr std::chrono::seconds kUsualReservation{120};
inline constexpr std::chrono::seconds kLongestReservation{900};

/// Whether the coupon is held for somebody now: reserved, and not lapsed. A reservation whose end is further away than
/// any can be was made under another clock and has lapsed too.
bool is_held(const Coupon& coupon, WallTime now);

/// The reason its state gives: voided, expired, already_redeemed, reserved_elsewhere. Who brings the reservation may
/// still redeem what expired while it was held.
std::optional<Reason> refused_by_state(const Coupon& coupon, const std::string& reservation, WallTime now);

/// The first reason for which this till may not reserve or redeem it: its state, then the store, not_started,
/// outside_hours, min_spend (an amount of the same currency is needed to prove it; reserve may come before there is
/// one), interval.
std::optional<Reason> refused_at_till(const Coupon& coupon, const TillRequest& request, const std::string& store,
                                      WallTime now, const ZoneTime& zone);

}  // namespace foyer::campaign
