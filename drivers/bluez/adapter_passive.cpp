#include <fmt/format.h>

#include <array>
#include <utility>

#include "drivers/bluez/adapter.hpp"
#include "drivers/bluez/names.hpp"

/// Scanning passively: an AdvertisementMonitor1 object of ours (BlueZ doc/org.bluez.AdvertisementMonitor.rst).
namespace foyer::drivers::bluez {
namespace {

using Pattern = sdbus::Struct<std::uint8_t, std::uint8_t, std::vector<std::uint8_t>>;  // start, AD type, bytes

/// iBeacon, AltBeacon of any company, Eddystone. Never the flags: beacons without them would vanish.
std::vector<Pattern> patterns() {
  return {Pattern{std::uint8_t{0}, std::uint8_t{0xFF}, std::vector<std::uint8_t>{0x4C, 0x00, 0x02, 0x15}},
          Pattern{std::uint8_t{2}, std::uint8_t{0xFF}, std::vector<std::uint8_t>{0xBE, 0xAC}},
          Pattern{std::uint8_t{0}, std::uint8_t{0x16}, std::vector<std::uint8_t>{0xAA, 0xFE}}};
}

std::string root_of(const std::string& path) { return "/org/foyer/monitor/" + path.substr(path.rfind('/') + 1); }

}  // namespace

/// RegisterMonitor succeeds where the kernel then refuses: only Activate() tells. Until it comes, nothing is believed.
void Adapter::start_passive() {
  auto monitor = std::make_shared<Monitor>();
  std::vector<compat::Property> properties;
  properties.push_back({"Type", "s", [](sdbus::PropertyGetReply& reply) { reply << "or_patterns"; }});
  properties.push_back({"Patterns", "a(yyay)", [](sdbus::PropertyGetReply& reply) { reply << patterns(); }});
  // Every report; unset, bluetoothd takes its configured period, which passes the first one only.
  properties.push_back({"RSSISamplingPeriod", "q", [](sdbus::PropertyGetReply& reply) { reply << std::uint16_t{0}; }});
  // From the loop: an object is not to be taken away while a method of its own runs.
  const auto later = [this](void (Adapter::*what)()) {
    return [weak = weak_from_this(), what] {
      if (const auto self = weak.lock())
        self->later_ = self->world_.timers.after(std::chrono::milliseconds{0}, [weak, what] {
          if (const auto still = weak.lock()) (still.get()->*what)();
        });
    };
  };
  monitor->root = world_.bus.export_manager(root_of(path_));
  monitor->object = world_.bus.export_object(root_of(path_) + "/beacons", kMonitorInterface, std::move(properties),
                                             {{"Activate", "", later(&Adapter::activated)},
                                              {"Release", "", later(&Adapter::released)},
                                              {"DeviceFound", "o", [] {}},
                                              {"DeviceLost", "o", [] {}}});
  if (!monitor->root || !monitor->object) return;
  monitor->patience = world_.timers.after(world_.pace.activate, [this] {
    if (!scanning_) refuse_passive("the monitor was not activated");
  });
  monitor_ = std::move(monitor);
  const auto write = [root = root_of(path_)](sdbus::MethodCall& message) { message << sdbus::ObjectPath{root}; };
  call(kMonitorManagerInterface, "RegisterMonitor", write, [this](const Reply& reply) {
    if (!reply.ok()) refuse_passive(fmt::format("RegisterMonitor: {}: {}", reply.error, reply.text));
  });
}

void Adapter::stop_passive() {
  const auto write = [root = root_of(path_)](sdbus::MethodCall& message) { message << sdbus::ObjectPath{root}; };
  call(kMonitorManagerInterface, "UnregisterMonitor", write, [this](const Reply&) {
    monitor_.reset();
    scanning_ = stop_first_ = filter_set_ = false;
  });
}

void Adapter::activated() {
  if (!monitor_ || scanning_) return;
  monitor_->patience.reset();
  scanning_ = true;
  paused_ = cycling_ = false;
  passive_refused_.clear();
  passive_retry_.succeed();
  scan_since_ = world_.clock.mono();
  problem_.clear();
  world_.changed();
  plan();
}

void Adapter::released() { refuse_passive("bluetoothd released the monitor"); }

void Adapter::refuse_passive(const std::string& why) {
  if (!monitor_) return;
  passive_refused_ = why;
  passive_retry_.fail(world_.clock.mono());  // not at once: each try is a few seconds without a scan
  paused_ = paused_ || scanning_;
  scanning_ = false;
  world_.changed();
  plan();
}

}  // namespace foyer::drivers::bluez
