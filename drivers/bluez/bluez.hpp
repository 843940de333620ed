#pragma once

#include <chrono>
#include <memory>
#include <string>

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
};

struct Settings {
  enum class Mode { automatic, active, passive, off };

  std::string adapter = "auto";  ///< auto (the first that is powered, else the first) | hciN | address
  Mode mode =
      Mode::automatic;  ///< automatic is active; passive is refused in the status and active taken; off: only broadcast
  int rssi_floor = -100;  ///< dBm, -127 to 20; weaker adverts are not reported
  Pace pace;
};

/// The radio behind bluetoothd (org.bluez on the system bus, or on $DBUS_SYSTEM_BUS_ADDRESS). Core thread only.
/// start() never fails: a system bus or a bluetoothd that is not there is waited for, and the status says so. Only the
/// opening of the bus blocks (milliseconds); every call to bluetoothd is asynchronous and timed. AdapterStatus entries
/// stay in the list, unpowered, when an adapter is taken out, so that Advert::adapter keeps its meaning. Closing
/// the bus in stop() ends the discovery and the advertisements: bluetoothd drops what belongs to a client that left.
std::unique_ptr<ports::Radio> make_radio(Settings settings, ports::Poller& poller, ports::Timers& timers,
                                         const ports::Clock& clock);

}  // namespace foyer::drivers::bluez
