#pragma once

#include <memory>
#include <string>

#include "ports/poller.hpp"
#include "ports/stations.hpp"

namespace foyer::drivers::neighbour {

struct Settings {
  std::string interface;  ///< the guests' side; may appear later, go, and come again
};

/// Stations from the kernel's neighbour table (rtnetlink), IPv4 and IPv6: a dump at start, events afterwards. A device
/// counts as associated while one of its neighbours is reachable, stale, delay, probe or permanent. Needs no privilege.
/// deauthenticate() is Code::degrade, signals are unknown. `poller` must outlive it.
std::unique_ptr<ports::Stations> make_stations(Settings settings, ports::Poller& poller);

}  // namespace foyer::drivers::neighbour
