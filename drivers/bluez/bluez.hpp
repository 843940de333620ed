#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ports/bluetooth.hpp"
#include "ports/clock.hpp"
#include "ports/poller.hpp"
#include "ports/radio.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::bluez {

/// How long things take. The defaults are for a shop; tests shorten them.
struct Pace {
  std::chrono::milliseconds call{10'000};           ///< bluetoothd's time to answer one call
  std::chrono::milliseconds first_retry{1'000};     ///< after a failure; doubles with each further one
  std::chrono::milliseconds longest_retry{60'000};  ///< and stays at this
  std::chrono::milliseconds grace{2'000};           ///< for the property Discovering to follow a start
  std::chrono::milliseconds activate{5'000};        ///< for Activate() to follow the registration of a monitor
  std::chrono::milliseconds look{1'000};            ///< how often it is asked whether all is well
  std::chrono::milliseconds silence{5'000};         ///< no shorter silence is suspicious (Liveness)
  std::chrono::milliseconds ping{5'000};            ///< bluetoothd's time to say that it is alive
  std::chrono::milliseconds settle{10'000};         ///< for adverts to come after a rung
  std::chrono::milliseconds patience{15'000};       ///< for a trouble that may end by itself
  std::chrono::milliseconds quiet{60'000};          ///< few senders fell silent: they may just have left
  std::chrono::milliseconds trial{10'000};          ///< of each way of scanning, where auto has the choice
  std::chrono::milliseconds gather{20};             ///< adverts of the tap are taken this long after the first
  std::chrono::milliseconds notice{15'000};         ///< no longer silence goes unsuspected where more is usual
  std::chrono::milliseconds doubt{7'500};           ///< a suspicious silence this long: the scan is started anew
  std::chrono::milliseconds forlorn{7'200'000};     ///< so long not one advert: a power cycle may be tried on doubt
  std::chrono::milliseconds confirmed{30'000};      ///< another adapter's hearing of a beacon is good so long
  std::chrono::milliseconds refused{600'000};       ///< after this, and at most 12 times this, passive is tried again
};

/// The pace with which a scan that fell silent is started anew, and can be heard, before `exit_after` (the shortest of
/// the zones) ends a visit. Below 20 s that cannot be promised: Pace::silence and two pings take 15.
inline constexpr std::chrono::seconds kShortestExit{20};
inline Pace pace_within(std::chrono::milliseconds exit_after) {
  Pace pace;
  const auto time = std::clamp<std::chrono::milliseconds>(exit_after, kShortestExit, 3 * pace.notice);
  pace.notice = time / 3;
  pace.doubt = time / 6;
  return pace;
}

struct Settings {
  enum class Mode { automatic, active, passive, off };

  std::string adapter = "auto";  ///< auto (the first that is powered, else the first) | hciN | address
  /// automatic is active; with the tap it is passive where a trial hears no less. passive falls back to active, and
  /// the status says why. off: only broadcast.
  Mode mode = Mode::automatic;
  int rssi_floor = -100;  ///< dBm, -127 to 20; weaker adverts are not reported
  bool tap = false;       ///< take the adverts from the kernel where the helper can open the tap
  Pace pace;
};

/// What a radio stands on; all of it outlives the radio.
struct Means {
  ports::Poller& poller;
  ports::Timers& timers;
  const ports::Clock& clock;
  ports::Bluetooth* helper = nullptr;       ///< foyer-gate's side; null: no tap, no reset
  std::function<std::uint64_t()> random{};  ///< for jitter; empty: none
};

/// The radio behind bluetoothd (org.bluez on the system bus, or on $DBUS_SYSTEM_BUS_ADDRESS). Core thread only.
/// start() never fails: a system bus or a bluetoothd that is not there is waited for, and the status says so. Only the
/// opening of the bus blocks (milliseconds); every call to bluetoothd is asynchronous and timed. AdapterStatus entries
/// stay in the list, unpowered, when an adapter is taken out, so that Advert::adapter keeps its meaning. Closing
/// the bus in stop() ends the discovery and the advertisements: bluetoothd drops what belongs to a client that left.
/// What it does when it hears nothing: docs/radio.md.
std::unique_ptr<ports::Radio> make_radio(Settings settings, Means means);

}  // namespace foyer::drivers::bluez
