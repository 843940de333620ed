#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "beacon/identifier.hpp"

namespace foyer::presence {

/// Names beacons by how their identifiers begin. A UUID names iBeacons and, whose bytes mean the same, AltBeacons.
class ZoneBeacon {
 public:
  /// An absent number: any. A minor without a major: any of the UUID.
  ZoneBeacon(const Uuid& uuid, std::optional<std::uint16_t> major, std::optional<std::uint16_t> minor)
      : id_(BeaconId{uuid, major.value_or(0), minor.value_or(0)}),
        size_(!major   ? 16
              : !minor ? 18
                       : 20) {}

  static ZoneBeacon uid(const std::array<std::uint8_t, 10>& name_space,
                        const std::optional<std::array<std::uint8_t, 6>>& instance) {
    beacon::EddystoneUid frame;
    frame.name_space = name_space;
    if (instance) frame.instance = *instance;
    return {*beacon::identifier_of(frame), instance ? 16u : 10u};
  }
  static ZoneBeacon eid(const std::string& name) { return {beacon::Identifier::of_eid(name), 20}; }

  bool operator==(const ZoneBeacon&) const = default;
  bool matches(const beacon::Identifier& id) const {
    return family(id.format) == family(id_.format) &&
           std::equal(id_.bytes.begin(), id_.bytes.begin() + size_, id.bytes.begin());
  }

 private:
  using Format = beacon::Identifier::Format;

  ZoneBeacon(const beacon::Identifier& id, std::ptrdiff_t size) : id_(id), size_(size) {}
  static Format family(Format format) { return format == Format::altbeacon ? Format::ibeacon : format; }

  beacon::Identifier id_;
  std::ptrdiff_t size_;  ///< leading bytes that must agree
};

/// A zone takes the identifiers its `beacons` name. By signal it also takes every identifier that no zone names; it
/// does so where `signal` says so, or says nothing and there are no beacons.
struct Zone {
  std::string id;
  std::vector<ZoneBeacon> beacons;
  int enter = -70, exit = -76;  ///< dBm, exit < enter
  std::chrono::milliseconds dwell{30'000};
  std::chrono::milliseconds exit_after{45'000};
  std::optional<bool> signal{};
  bool operator==(const Zone&) const = default;

  bool by_signal() const { return signal.value_or(beacons.empty()); }
};

/// Whose a beacon is. What staff or goods carry is in zones like any other, but no shopper.
enum class Role : std::uint8_t { shopper, staff, asset };

struct Settings {
  std::vector<Zone> zones;
  std::size_t max_identifiers = 20'000;           ///< the least recently heard goes first, counted
  std::chrono::milliseconds lost_after{180'000};  ///< beacon.lost
  std::chrono::milliseconds leave_hold{10'000};   ///< weaker than `exit` for so long is leaving
  std::vector<ZoneBeacon> staff{}, assets{};
  /// A shopper's identifier is forgotten so long after it was first heard, here or not, and is another afterwards.
  std::optional<std::chrono::milliseconds> forget_after{};
  /// Of identifiers that nothing here names, a minute: so many are told as seen, and so many visits begin. Whoever
  /// makes identifiers up fills neither the outbox nor the zones; what is over is counted.
  std::size_t max_strangers = 600;
  bool operator==(const Settings&) const = default;
};

}  // namespace foyer::presence
