#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/time.hpp"
#include "campaign/model.hpp"
#include "campaign/reason.hpp"
#include "campaign/zone_time.hpp"

namespace foyer::campaign {

enum class CouponState { issued, reserved, redeemed, expired, voided };
std::string_view to_string(CouponState state);
std::optional<CouponState> parse_coupon_state(std::string_view name);

/// One coupon as it stands. `id` is what events and links carry; `code` is what the till takes and is a secret of its
/// holder: never logged, never in an event.
struct Coupon {
  std::string id;    ///< 32 hex
  std::string code;  ///< 11 characters, see make_code
  std::string campaign, prize;
  std::string subject;
  Text title;
  Benefit benefit;
  CouponState state = CouponState::issued;
  std::uint32_t uses_left = 1;
  std::vector<std::string> redeem_at;
  WallTime issued_at{};
  WallTime expires_at{};
};

/// 10 Crockford base-32 characters of randomness and the mod-37 check character of the same scheme.
std::string make_code(const Random& random);

/// What a person typed → the canonical code: spaces and hyphens dropped, I L → 1, O → 0, upper case; nullopt when it
/// is not 11 characters long or the check character is wrong.
std::optional<std::string> canonical_code(std::string_view typed);

/// For a prize that says nothing of its validity.
inline constexpr std::chrono::days kDefaultValidity{30};

/// The last instant (exclusive) at which a coupon issued now may be redeemed.
WallTime expiry(const Validity& valid, WallTime issued, const ZoneTime& zone);

}  // namespace foyer::campaign
