#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace foyer {

/// How long an event is worth telling upstream; nullopt: for ever. Upstream it is the attribute `deliverbefore`, and
/// the ledger lets late events go, oldest first, as far as all of them are late (outbox.gap, reason "late"). Money,
/// coupons and consents are never late. Longer than any line is down that somebody means to mend.
inline std::optional<std::chrono::hours> deliver_within(std::string_view type) {
  if (type == "beacon.seen" || type == "beacon.lost") return std::chrono::hours{24};
  if (type.starts_with("presence.")) return std::chrono::hours{7 * 24};
  if (type.starts_with("radio.") || type.starts_with("gateway.")) return std::chrono::hours{30 * 24};
  return std::nullopt;
}

}  // namespace foyer
