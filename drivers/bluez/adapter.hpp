#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drivers/bluez/backoff.hpp"
#include "drivers/bluez/bluez.hpp"
#include "drivers/bluez/bus.hpp"
#include "ports/clock.hpp"
#include "ports/radio.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::bluez {

/// Brings one adapter of a living bluetoothd to what is wanted of it: powered, these beacons on the air, scanning or
/// not. It knows what is wanted and what is so, and takes one step at a time towards it (plan()): at most one call is
/// under way. Beacons come before scanning, because controllers refuse to begin advertising while they scan; a
/// beacon refused while scanning is tried again with the scan stopped. Held by shared_ptr: late answers find it gone.
class Adapter : public std::enable_shared_from_this<Adapter> {
 public:
  struct World {
    Bus& bus;
    ports::Timers& timers;
    const ports::Clock& clock;
    Pace pace;
    int rssi_floor;
    std::function<void()> changed;  ///< called when scanning(), problem() or broadcasts() may have changed
  };
  Adapter(World world, std::string path, bool powered, bool discovering);

  void want(bool scan, const std::vector<ports::Broadcast>& beacons);
  void on_powered(bool powered);
  void on_discovering(bool discovering);

  /// Also during the moment a scan is stopped so that a beacon can be registered.
  bool scanning() const { return scanning_ || paused_; }
  const std::string& problem() const { return problem_; }  ///< why it does not scan; empty: it does, or is about to
  void broadcasts(std::vector<ports::BroadcastStatus>& out) const;
  /// Another adapter heard this AD structure: if it is one of our beacons, it is really on the air.
  void heard_elsewhere(ByteView structure);

 private:
  /// One beacon as a LEAdvertisement1 object of ours.
  struct Beacon {
    ports::Broadcast broadcast;
    std::string path;
    std::unique_ptr<sdbus::IObject> object;
    bool wanted = true, registered = false;
    bool confirmed = false;     ///< heard by another adapter since it was registered
    bool clear_first = false;   ///< bluetoothd may still hold it: unregister, then register
    bool without_scan = false;  ///< was refused while scanning: next time with the scan stopped
    std::string error;
    Backoff retry;
  };
  using Done = std::function<void(const Reply&)>;

  void plan();
  bool plan_beacons(MonoTime now);
  void plan_scan(MonoTime now);
  void wake_at(MonoTime when);
  void call(const std::string& interface, const std::string& method, const Bus::Write& write, Done done);
  void power_on();
  void set_filter();
  void start_scan();
  void stop_scan();
  void scan_failed(const std::string& what, const Reply& reply);
  void check_discovering();
  void register_beacon(const std::shared_ptr<Beacon>& beacon);
  void registered(Beacon& beacon, const Reply& reply);
  void unregister_beacon(const std::shared_ptr<Beacon>& beacon);
  bool export_beacon(const std::shared_ptr<Beacon>& beacon);

  World world_;
  std::string path_;
  bool powered_, discovering_;
  bool want_scan_ = false, scanning_ = false;
  bool filter_set_ = false;
  bool stop_first_ = false;  ///< a session may be left from before: StopDiscovery, then start
  bool paused_ = false;      ///< stopped to register a beacon, and goes on
  bool busy_ = false;        ///< a call is under way
  std::string problem_;
  MonoTime scan_since_{};
  Backoff power_retry_, scan_retry_;
  std::vector<std::shared_ptr<Beacon>> beacons_;
  ports::TimerHandle wake_, check_;
  MonoTime wake_due_{};
};

}  // namespace foyer::drivers::bluez
