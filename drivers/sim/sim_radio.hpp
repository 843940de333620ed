#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/document.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "ports/clock.hpp"
#include "ports/radio.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::sim {

/// A signal strength at a time since arrival; between two it changes evenly, outside them it stands.
struct PathPoint {
  std::chrono::milliseconds at{0};
  double rssi = -60;  ///< dBm
};

/// Shoppers with a tag, or a phone whose app broadcasts: they come, are heard for a while, and go.
struct Shopper {
  BeaconId id;                                              ///< of the first; each further one has the next minor
  std::int8_t measured_power = -59;                         ///< dBm at 1 m, as the beacon says
  std::chrono::milliseconds arrive{0};                      ///< after the start of the radio
  std::optional<std::chrono::milliseconds> stay;            ///< absent: for ever
  std::optional<std::chrono::milliseconds> repeat;          ///< away for so long, then again; absent: once
  std::vector<PathPoint> path;                              ///< at least one, by time
  std::chrono::milliseconds interval{200};                  ///< between two adverts
  double noise = 0;                                         ///< dB, standard deviation
  std::optional<std::chrono::milliseconds> rotate_address;  ///< absent: one random address a visit
  std::optional<MacAddress> address;                        ///< instead of random ones
  std::uint32_t count = 1;
};

/// Who walks through the simulated shop (config/scenarios/shop.yaml documents the file). Empty: silence.
struct Scenario {
  static constexpr std::size_t kMaxShoppers = 10'000;  ///< all counts together; a file with more is refused
  std::vector<Shopper> shoppers;
};

/// Strict: an unknown or double key, a wrong type or a value out of range is a fault; all faults at once. Never throws.
tl::expected<Scenario, Faults> read_scenario(const std::string& path);
tl::expected<Scenario, Faults> parse_scenario(const std::string& text, const std::string& file);

/// A radio that hears the scenario, with noise and random addresses from `seed`, and whose broadcasts are confirmed
/// at once. Core thread.
std::unique_ptr<ports::Radio> make_radio(Scenario scenario, ports::Timers& timers, const ports::Clock& clock,
                                         std::uint64_t seed);

}  // namespace foyer::drivers::sim
