#pragma once

#include <utility>
#include <vector>

#include "base/advert.hpp"
#include "presence/presence.hpp"

namespace foyer::presence {

using namespace std::chrono_literals;

inline const Uuid kTags = parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value();

inline BeaconId tag(std::uint16_t minor, std::uint16_t major = 1) { return {kTags, major, minor}; }

/// A shop with a clock that moves as it hears and is silent.
struct Room {
  explicit Room(Settings settings) : presence(std::move(settings)) {}

  void hear(int rssi, BeaconId id = tag(1)) { presence.step({id, static_cast<std::int8_t>(rssi), 0, now}, changes); }
  void hear_for(std::chrono::milliseconds time, int rssi, BeaconId id = tag(1)) {
    for (const auto end = now + time; now < end; now += 1s) hear(rssi, id), presence.tick(now, changes);
  }
  void silence(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end; now += 1s) presence.tick(now, changes);
    presence.tick(now, changes);
  }
  std::vector<Change::Kind> kinds() {
    std::vector<Change::Kind> all;
    for (const auto& change : std::exchange(changes, {})) all.push_back(change.kind);
    return all;
  }

  Presence presence;
  MonoTime now{1h};
  std::vector<Change> changes;
};

inline Settings one_zone() {
  Settings settings;
  settings.zones = {{"entrance", {}, -70, -76, 30s, 45s}};
  return settings;
}

}  // namespace foyer::presence
