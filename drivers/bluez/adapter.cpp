#include "drivers/bluez/adapter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/advert.hpp"
#include "drivers/bluez/names.hpp"

namespace foyer::drivers::bluez {
namespace {

constexpr std::array<std::uint8_t, 2> kAppleBytes{0x4C, 0x00};
constexpr std::chrono::seconds kStable{30};  ///< a scan that ran so long and ends is a new trouble, not the old one

bool same(const ports::Broadcast& a, const ports::Broadcast& b) {
  return a.id == b.id && a.measured_power == b.measured_power;
}

}  // namespace

Adapter::Adapter(World world, std::string path, bool powered, bool discovering)
    : world_(std::move(world)),
      path_(std::move(path)),
      powered_(powered),
      discovering_(discovering),
      passive_retry_(world_.pace.refused, 12 * world_.pace.refused),
      power_retry_(world_.pace),
      scan_retry_(world_.pace) {}

void Adapter::want(Scan scan, const std::vector<ports::Broadcast>& beacons) {
  want_ = scan;
  for (auto& beacon : beacons_) beacon->wanted = false;
  for (const auto& wanted : beacons) {
    const auto known =
        std::find_if(beacons_.begin(), beacons_.end(), [&](const auto& b) { return same(b->broadcast, wanted); });
    if (known != beacons_.end()) {
      (*known)->wanted = true;
      (*known)->broadcast = wanted;
      continue;
    }
    auto beacon = std::make_shared<Beacon>(Beacon{.broadcast = wanted,
                                                  .path = {},
                                                  .object = {},
                                                  .confirmed = {},
                                                  .fade = {},
                                                  .error = {},
                                                  .retry = Backoff(world_.pace)});
    if (export_beacon(beacon)) beacons_.push_back(std::move(beacon));
  }
  plan();
}

void Adapter::on_powered(bool powered) {
  if (powered == std::exchange(powered_, powered)) return;
  if (powered)
    power_retry_.succeed();
  else
    went_off();
  world_.changed();
  plan();
}

void Adapter::went_off() {
  paused_ = cycling_ && scanning();
  scanning_ = filter_set_ = false;
  stop_first_ = stop_first_ || monitor_;
  for (auto& beacon : beacons_) beacon->clear_first = std::exchange(beacon->registered, false) || beacon->clear_first;
}

void Adapter::restart_scan() {
  if (want_ == Scan::off) return;
  paused_ = scanning();
  scanning_ = false;
  stop_first_ = true;
  scan_retry_.succeed();
  plan();
}

void Adapter::power_cycle() {
  cycle_ = true;
  power_retry_.succeed();
  scan_retry_.succeed();
  plan();
}

void Adapter::on_discovering(bool discovering) {
  discovering_ = discovering;
  if (scanning_ && !monitor_ && !discovering_) check_discovering();
}

void Adapter::broadcasts(std::vector<ports::BroadcastStatus>& out) const {
  for (const auto& beacon : beacons_)
    if (beacon->wanted)
      out.push_back({beacon->broadcast,
                     !beacon->registered ? ports::BroadcastState::requested
                     : beacon->confirmed ? ports::BroadcastState::confirmed
                                         : ports::BroadcastState::registered,
                     beacon->error});
}

void Adapter::heard_elsewhere(ByteView data) {
  const MonoTime now = world_.clock.mono();
  for (auto& beacon : beacons_) {
    if (!beacon->registered) continue;
    if (beacon->confirmed && now - *beacon->confirmed < world_.pace.confirmed / 3) continue;
    Advert ours;
    ours.append(0xFF, kAppleBytes, ibeacon_value(beacon->broadcast.id, beacon->broadcast.measured_power));
    if (std::search(data.begin(), data.end(), ours.data().begin(), ours.data().end()) == data.end()) continue;
    const bool newly = !beacon->confirmed;
    beacon->confirmed = now;
    beacon->fade = world_.timers.after(world_.pace.confirmed, [this, faded = beacon.get()] {
      faded->confirmed.reset();
      world_.changed();
    });
    if (newly) world_.changed();
  }
}

/// The next step towards what is wanted, if one is due. Called after everything that changed either side.
void Adapter::plan() {
  if (busy_) return;
  wake_.reset();
  const MonoTime now = world_.clock.mono();
  if (std::exchange(cycle_, false) && powered_) {
    cycling_ = true;
    return set_power(false);
  }
  if (!powered_ && (want_ != Scan::off || !beacons_.empty())) {
    if (now < power_retry_.due()) return wake_at(power_retry_.due());
    return set_power(true);
  }
  if (plan_beacons(now)) return;
  plan_scan(now);
}

/// True when a step was taken.
bool Adapter::plan_beacons(MonoTime now) {
  for (std::size_t i = 0; i < beacons_.size(); ++i) {
    const auto beacon = beacons_[i];
    if (!beacon->wanted) {
      unregister_beacon(beacon);
      return true;
    }
    if (beacon->registered) continue;
    if (now < beacon->retry.due()) {
      wake_at(beacon->retry.due());
      continue;
    }
    if (beacon->clear_first)
      unregister_beacon(beacon);
    else if (scanning_ && beacon->without_scan)
      paused_ = true, stop_scan();
    else
      register_beacon(beacon);
    return true;
  }
  return false;
}

void Adapter::plan_scan(MonoTime now) {
  const bool passive = want_ == Scan::passive && now >= passive_retry_.due();
  if (scanning_) {
    const bool as_wanted = want_ != Scan::off && passive == (monitor_ != nullptr);
    if (as_wanted && want_ == Scan::passive && !passive) return wake_at(passive_retry_.due());
    if (as_wanted) return;
    paused_ = want_ != Scan::off;
    return stop_scan();
  }
  if (want_ == Scan::off) {
    paused_ = false;
    if (monitor_) stop_scan();
    return;
  }
  if (now < scan_retry_.due()) return wake_at(scan_retry_.due());
  if (stop_first_ || (monitor_ && !passive))
    stop_scan();
  else if (monitor_)
    return;  // Activate() is awaited
  else if (passive)
    start_passive();
  else if (!filter_set_)
    set_filter();
  else
    start_scan();
}

void Adapter::wake_at(MonoTime when) {
  if (wake_ && wake_due_ <= when) return;
  wake_due_ = when;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(when - world_.clock.mono());
  wake_ = world_.timers.after(std::max(wait, std::chrono::milliseconds{0}), [this] { plan(); });
}

void Adapter::call(const std::string& interface, const std::string& method, const Bus::Write& write, Done done) {
  busy_ = true;
  world_.bus.call(kBluez, path_, interface, method, write, world_.pace.call,
                  [weak = weak_from_this(), done = std::move(done)](const Reply& reply) {
                    const auto self = weak.lock();
                    if (!self) return;
                    self->busy_ = false;
                    if (reply.error == "org.freedesktop.DBus.Error.NoReply") self->world_.unanswered();
                    if (done) done(reply);
                    self->world_.changed();
                    self->plan();
                  });
}

void Adapter::set_power(bool on) {
  const auto write = [on](sdbus::MethodCall& message) {
    message << kAdapterInterface << "Powered" << sdbus::Variant{on};
  };
  call(kPropertiesInterface, "Set", write, [this, on](const Reply& reply) {
    if (reply.ok()) {
      if (std::exchange(powered_, on) && !on) went_off();
      return power_retry_.succeed();
    }
    if (on) {
      power_retry_.fail(world_.clock.mono());
      paused_ = false;
    }
    cycling_ = false;
    problem_ = fmt::format("cannot power the adapter {}: {}: {}", on ? "on" : "off", reply.error, reply.text);
  });
}

void Adapter::set_filter() {
  const auto write = [floor = world_.rssi_floor](sdbus::MethodCall& message) {
    // A filter that is never empty, with RSSI in it: without, some controllers find nothing and bluetoothd
    // scans a third of the time or reports only changes of 8 dB. No Discoverable: bluetoothd 5.66 writes it out of
    // bounds.
    std::map<std::string, sdbus::Variant> filter;
    filter.emplace("Transport", sdbus::Variant{std::string("le")});
    filter.emplace("DuplicateData", sdbus::Variant{true});
    filter.emplace("RSSI", sdbus::Variant{static_cast<std::int16_t>(floor)});
    message << filter;
  };
  call(kAdapterInterface, "SetDiscoveryFilter", write, [this](const Reply& reply) {
    filter_set_ = reply.ok();
    if (!reply.ok()) scan_failed("SetDiscoveryFilter", reply);
  });
}

void Adapter::start_scan() {
  call(kAdapterInterface, "StartDiscovery", {}, [this](const Reply& reply) {
    if (!reply.ok()) return scan_failed("StartDiscovery", reply);
    scanning_ = true;
    paused_ = cycling_ = false;
    scan_since_ = world_.clock.mono();
    problem_.clear();
    if (!discovering_) check_discovering();
  });
}

/// Whatever the answer says, what is known of the session is void: "no discovery started" is as good as stopped.
void Adapter::stop_scan() {
  if (monitor_) return stop_passive();
  call(kAdapterInterface, "StopDiscovery", {}, [this](const Reply&) { scanning_ = stop_first_ = filter_set_ = false; });
}

void Adapter::scan_failed(const std::string& what, const Reply& reply) {
  // InProgress is also what a session of an earlier life leaves behind; stopping first clears every such state.
  stop_first_ = true;
  scanning_ = paused_ = cycling_ = false;
  problem_ = fmt::format("{}: {}: {}", what, reply.error, reply.text);
  scan_retry_.fail(world_.clock.mono());
  if (reply.error == "org.bluez.Error.NotReady") powered_ = false;
}

/// The property follows a start and a stop with a delay; only when it stays false has somebody ended our scan.
void Adapter::check_discovering() {
  check_ = world_.timers.after(world_.pace.grace, [this] {
    if (!scanning_ || monitor_ || discovering_) return;
    if (busy_) return check_discovering();
    const MonoTime now = world_.clock.mono();
    if (now - scan_since_ > kStable) scan_retry_.succeed();
    scanning_ = false;
    stop_first_ = true;
    problem_ = "the discovery was stopped";
    scan_retry_.fail(now);
    world_.changed();
    plan();
  });
}

}  // namespace foyer::drivers::bluez
