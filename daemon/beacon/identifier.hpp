#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.hpp"
#include "beacon/frame.hpp"

namespace foyer::beacon {

/// What makes one beacon itself, whatever its format: 20 bytes, never an address. A fixed size, so that a hearing
/// allocates nothing.
///   ibeacon        UUID 16, major 2, minor 2
///   altbeacon      its 20 bytes; the first 16 name the organisation (AltBeacon v1.0, "ID"), as a UUID does
///   eddystone-uid  namespace 10, instance 6, zeros
///   eddystone-eid  the name its key has here, zeros: what it sends changes all the time
struct Identifier {
  enum class Format : std::uint8_t { ibeacon, altbeacon, eddystone_uid, eddystone_eid };
  static constexpr std::size_t kMostName = 20;  ///< bytes of the name of an EID

  Format format = Format::ibeacon;
  std::array<std::uint8_t, 20> bytes{};

  Identifier() = default;
  Identifier(const BeaconId& id);                   ///< implicit: a BeaconId is an iBeacon's Identifier
  static Identifier of_eid(std::string_view name);  ///< at most kMostName bytes, without zeros
  BeaconId beacon_id() const;                       ///< of an ibeacon or altbeacon

  auto operator<=>(const Identifier&) const = default;
};

/// "uuid/major/minor" · 40 hex · "namespace/instance" in hex · "eid/name".
std::string to_string(const Identifier& id);
/// The name of the format, as in decoded frames.
std::string_view to_string(Identifier::Format format);

/// Of a frame that names its sender; not of an EID, which a resolver must name, nor of what only describes a sender.
std::optional<Identifier> identifier_of(const Frame& frame);

/// dBm at 1 m as the beacon itself says, from the frame's power at 1 m or (Eddystone: less 41 dB) at 0 m; 0 where it
/// says none. Many beacons send 0 or more: those were never measured, and count as none too.
std::int8_t measured_power(const Frame& frame);

}  // namespace foyer::beacon
