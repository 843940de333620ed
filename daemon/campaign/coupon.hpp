#pragma once

#include <chrono>
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
  std::string code;  ///< 11 characters, see make_code; or one of the merchant's own list, see is_own_code
  std::string campaign, prize;
  std::string subject;
  std::string zone;  ///< it was won in; may be empty
  Text title;
  Benefit benefit;
  CouponState state = CouponState::issued;
  std::uint32_t uses = 1;  ///< as issued
  std::uint32_t uses_left = 1;
  std::chrono::seconds interval{0};  ///< between two uses
  std::vector<std::string> redeem_at;
  WeekHours hours;  ///< when it may be used
  WallTime issued_at{};
  WallTime starts_at{};  ///< not to be used before
  WallTime expires_at{};
  std::optional<WallTime> last_used;
  std::string reservation;    ///< while reserved
  WallTime reserved_until{};  ///< then it lapses
};

/// 10 Crockford base-32 characters of randomness and the mod-37 check character of the same scheme.
std::string make_code(const Random& random);

/// What a person typed → the canonical code: spaces and hyphens dropped, I L → 1, O → 0, upper case; nullopt when it
/// is not 11 characters long or the check character is wrong.
std::optional<std::string> canonical_code(std::string_view typed);

/// A code of a merchant's own list: 4 to 40 printable ASCII characters without a blank.
inline constexpr std::size_t kLongestOwnCode = 40;
bool is_own_code(std::string_view code);

/// For a prize that says nothing of its validity.
inline constexpr std::chrono::days kDefaultValidity{30};

/// The first instant at which a coupon issued now may be redeemed, and the last (exclusive).
WallTime beginning(const Validity& valid, WallTime issued, const ZoneTime& zone);
WallTime expiry(const Validity& valid, WallTime issued, const ZoneTime& zone);

/// Whether one of these windows is open; a window over midnight belongs to the day it begins on.
bool is_open(const WeekHours& hours, WallTime now, const ZoneTime& zone);

}  // namespace foyer::campaign
