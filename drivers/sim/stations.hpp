#pragma once

#include <memory>

#include "ports/stations.hpp"

namespace foyer::drivers::sim {

/// Every source address is a phone of its own, on the Wi-Fi from the first time it is asked for, at -50 dBm: 127.0.0.2
/// has the locally administered MAC 02:00:7f:00:00:02, an IPv6 address 06: and five bytes mixed from it. Remembers the
/// last 4096 addresses asked for; the oldest goes first. Core thread only.
std::unique_ptr<ports::Stations> make_stations();

}  // namespace foyer::drivers::sim
