#pragma once

#include <memory>
#include <string>

#include "ports/poller.hpp"
#include "ports/stations.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::hostapd {

struct Settings {
  /// hostapd's control socket, /run/hostapd/wlan0. hostapd makes it for root and its `ctrl_interface_group`: foyerd's
  /// user must be in that group, with write permission.
  std::string socket;
  /// Where our own ends are bound, a directory both may enter and hostapd may write to: it answers by the path.
  /// foyerd's runtime directory.
  std::string own_directory = "/run/foyer";
};

/// Puts what hostapd knows on top of `neighbours`: who is associated and fingerprints (by its events), signals (asked
/// every 5 s), deauthenticate(). Nothing blocks the loop. Without hostapd the neighbours' word counts, and it is sought
/// every 2 s; one that does not answer within 1 s counts as gone. `poller` and `timers` must outlive it.
std::unique_ptr<ports::Stations> make_stations(Settings settings, std::unique_ptr<ports::Stations> neighbours,
                                               ports::Poller& poller, ports::Timers& timers);

}  // namespace foyer::drivers::hostapd
