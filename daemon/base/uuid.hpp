#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace foyer {

/// A UUID, most significant byte first as printed (RFC 4122).
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};
std::string to_string(const Uuid& uuid);                ///< 8-4-4-4-12, lower case
std::optional<Uuid> parse_uuid(std::string_view text);  ///< 8-4-4-4-12, either case

/// What makes one iBeacon itself. Three numbers, not an address: the address rotates.
struct BeaconId {
  Uuid uuid;
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  auto operator<=>(const BeaconId&) const = default;
};
std::string to_string(const BeaconId& id);  ///< "uuid/major/minor"

}  // namespace foyer

template <>
struct std::hash<foyer::BeaconId> {
  std::size_t operator()(const foyer::BeaconId& id) const noexcept;
};
