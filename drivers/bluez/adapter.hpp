#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/bluez/backoff.hpp"
#include "drivers/bluez/bluez.hpp"
#include "drivers/bluez/bus.hpp"
#include "ports/clock.hpp"
#include "ports/radio.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::bluez {

enum class Scan { off, active, passive };

/// Brings one adapter of a living bluetoothd to what is wanted of it: powered, these beacons on the air, scanning
/// actively (a discovery), passively (an AdvertisementMonitor1, once bluetoothd called its Activate) or not. It knows
/// what is wanted and what is so, and takes one step at a time towards it (plan()): at most one call is under way.
/// Beacons come before scanning, because controllers refuse to begin advertising while they scan; a beacon refused
/// while scanning is tried again with the scan stopped. Held by shared_ptr: late answers find it gone.
class Adapter : public std::enable_shared_from_this<Adapter> {
 public:
  struct World {
    Bus& bus;
    ports::Timers& timers;
    const ports::Clock& clock;
    Pace pace;
    int rssi_floor;
    std::function<void()> changed;     ///< called when scanning(), problem() or broadcasts() may have changed
    std::function<void()> unanswered;  ///< a call got no reply in time
  };
  Adapter(World world, std::string path, bool powered, bool discovering);

  void want(Scan scan, const std::vector<ports::Broadcast>& beacons);
  void on_powered(bool powered);
  void on_discovering(bool discovering);

  /// Two rungs of recovery: the scan, or the adapter with all that is on it, off and on again.
  void restart_scan();
  void power_cycle();

  bool powered() const { return powered_; }
  /// Also during the moment a scan is stopped so that it goes on anew, in another way or with a beacon beside it.
  bool scanning() const { return scanning_ || paused_; }
  bool passive() const { return scanning_ && monitor_; }
  const std::string& passive_refused() const { return passive_refused_; }  ///< why it scans actively instead
  const std::string& problem() const { return problem_; }  ///< why it does not scan; empty: it does, or is about to
  void broadcasts(std::vector<ports::BroadcastStatus>& out) const;
  /// Another adapter heard these AD structures: if one is a beacon of ours, it is really on the air.
  void heard_elsewhere(ByteView data);

 private:
  /// One beacon as a LEAdvertisement1 object of ours.
  struct Beacon {
    ports::Broadcast broadcast;
    std::string path;
    std::unique_ptr<sdbus::IObject> object;
    bool wanted = true, registered = false;
    std::optional<MonoTime> confirmed;  ///< heard by another adapter since it was registered, lately
    ports::TimerHandle fade;            ///< for `confirmed`
    bool clear_first = false;           ///< bluetoothd may still hold it: unregister, then register
    bool without_scan = false;          ///< was refused while scanning: next time with the scan stopped
    std::string error;
    Backoff retry;
  };
  /// What is exported while scanning passively.
  struct Monitor {
    std::unique_ptr<sdbus::IObject> root, object;
    ports::TimerHandle patience;  ///< for Activate()
  };
  using Done = std::function<void(const Reply&)>;

  void plan();
  bool plan_beacons(MonoTime now);
  void plan_scan(MonoTime now);
  void wake_at(MonoTime when);
  void call(const std::string& interface, const std::string& method, const Bus::Write& write, Done done);
  void set_power(bool on);
  void went_off();
  void set_filter();
  void start_scan();
  void stop_scan();
  void start_passive();
  void stop_passive();
  void activated();
  void released();
  void refuse_passive(const std::string& why);
  void scan_failed(const std::string& what, const Reply& reply);
  void check_discovering();
  void register_beacon(const std::shared_ptr<Beacon>& beacon);
  void registered(Beacon& beacon, const Reply& reply);
  void unregister_beacon(const std::shared_ptr<Beacon>& beacon);
  bool export_beacon(const std::shared_ptr<Beacon>& beacon);

  World world_;
  std::string path_;
  bool powered_, discovering_;
  Scan want_ = Scan::off;
  bool scanning_ = false;
  bool filter_set_ = false;
  bool stop_first_ = false;  ///< a session may be left from before: StopDiscovery, then start
  bool paused_ = false;      ///< stopped to register a beacon, and goes on
  bool busy_ = false;        ///< a call is under way
  bool cycle_ = false;       ///< to be switched off, and on again
  bool cycling_ = false;     ///< that is under way
  std::shared_ptr<Monitor> monitor_;
  std::string passive_refused_;
  Backoff passive_retry_;
  std::string problem_;
  MonoTime scan_since_{};
  Backoff power_retry_, scan_retry_;
  std::vector<std::shared_ptr<Beacon>> beacons_;
  ports::TimerHandle wake_, check_, later_;
  MonoTime wake_due_{};
};

}  // namespace foyer::drivers::bluez
