#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/crypto.hpp"
#include "base/mailbox.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "ports/clock.hpp"
#include "ports/gate.hpp"
#include "ports/http_server.hpp"
#include "ports/publisher.hpp"
#include "ports/radio.hpp"
#include "ports/stations.hpp"
#include "ports/timers.hpp"

namespace foyer::app {

/// What main.cpp makes: the drivers the configuration asks for, and the core loop's mailbox.
struct Parts {
  ports::Clock& clock;
  ports::Timers& timers;
  Mailbox& core;
  std::unique_ptr<ports::Radio> radio;
  std::unique_ptr<ports::Gate> gate;                                                ///< null: wifi.gate is off
  std::unique_ptr<ports::Stations> stations;                                        ///< null with the gate
  std::unique_ptr<ports::HttpServer> guest_http, guest_https, admin_http, control;  ///< guest_https may be null
};

/// What the process knows besides its configuration.
struct Surroundings {
  std::string config_path;  ///< read again on reload
  std::string boot_id;
  std::string version;
  WallTime build_date{};
  std::function<bool()> synchronised;  ///< the wall clock is known to be right; any thread
  std::function<void(int)> quit;       ///< ends the loop with this status; core thread
};

/// Makes the publisher once the ledger is open (its client id and will need no epoch, its start does).
using MakePublisher = std::function<Result<std::unique_ptr<ports::Publisher>>(const config::Upstream&)>;

/// The house itself: start order, core timers, reload, stop order. Core thread only.
class App {
 public:
  App(config::Config config, Parts parts, Surroundings surroundings, MakePublisher make_publisher);
  ~App();

  /// Ledger, gate, listeners, radio, uplink: in this order, so that READY means that guests can be served. On failure
  /// nothing is left running.
  Result<void> start();
  /// Reads the configuration, campaigns and secrets again. A bad file changes nothing and is reported.
  void reload();
  /// Stops within 3 s: no new requests, waiting ones fail, the ledger commits and closes, the gate stays as it is.
  void stop();
  /// One line for the service manager: "3 guests, 12 beacons, upstream connected".
  std::string headline() const;
  /// How many guests' listeners are bound at: for the demo and the log.
  std::uint16_t guest_port() const;
  std::uint16_t admin_port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace foyer::app
