#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "drivers/bluez/names.hpp"
#include "drivers/bluez/radio.hpp"

/// What the BluezRadio hears from the bus.
namespace foyer::drivers::bluez {
namespace {

// Of the four wide rules, never one a device: a connection has 512, and shops have more phones than that.
constexpr std::size_t kPropertiesRule = 2;
constexpr const char* kProperties =
    "type='signal',sender='org.bluez',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
    "path_namespace='/org/bluez'";

}  // namespace

void BluezRadio::open_bus() {
  const auto opened = bus_.open(
      {{"type='signal',sender='org.bluez',interface='org.freedesktop.DBus.ObjectManager',member='InterfacesAdded'",
        [this](sdbus::Message& message) { on_added(message); }},
       {"type='signal',sender='org.bluez',interface='org.freedesktop.DBus.ObjectManager',member='InterfacesRemoved'",
        [this](sdbus::Message& message) { on_removed(message); }},
       {kProperties, [this](sdbus::Message& message) { on_properties(message); }},
       {"type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',"
        "arg0='org.bluez'",
        [this](sdbus::Message& message) {
          std::string name, before, after;
          message >> name >> before >> after;
          on_owner(after);
        }}},
      [this] { on_bus_lost(); });
  if (!opened) {
    reason_ = opened.error().message + "; trying again";
    bus_retry_.fail(clock_.mono());
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(bus_retry_.due() - clock_.mono());
    retry_ = timers_.after(wait, [this] { open_bus(); });
    reconcile();
    return changed();
  }
  bus_retry_.succeed();
  if (tap_.is_open()) hear_by_bus(false);
  ask_owner();
}

/// With the tap, every advert's way through dbus-daemon would be for nothing, and costs as much as bluetoothd itself.
void BluezRadio::hear_by_bus(bool devices) {
  bus_.rematch(kPropertiesRule, devices ? kProperties : std::string(kProperties) + ",arg0='org.bluez.Adapter1'",
               [this](sdbus::Message& message) { on_properties(message); });
}

void BluezRadio::on_bus_lost() {
  on_gone("the connection to the system bus broke; trying again");
  bus_retry_.fail(clock_.mono());
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(bus_retry_.due() - clock_.mono());
  retry_ = timers_.after(wait, [this] { open_bus(); });
}

/// Asks the bus, not bluetoothd: a call to a name without an owner would have the bus start a service.
void BluezRadio::ask_owner() {
  reason_ = "looking for bluetoothd";
  bus_.call(
      kDBus, "/org/freedesktop/DBus", kDBus, "GetNameOwner", [](sdbus::MethodCall& call) { call << kBluez; },
      settings_.pace.call,
      [this](const Reply& reply) {
        std::string owner;
        if (reply.ok()) *reply.message >> owner;
        on_owner(owner);
      });
}

void BluezRadio::on_owner(const std::string& owner) {
  if (!owner.empty() && owner == owner_) return;
  on_gone("bluetoothd is not running; waiting for it");
  owner_ = owner;
  if (owner.empty()) return;
  reason_ = "asking bluetoothd for its adapters";
  owner_retry_.succeed();
  get_objects();
}

/// bluetoothd, or the way to it, is no longer there: all it told is void. Presence is not ours to judge.
void BluezRadio::on_gone(const std::string& why) {
  owner_.clear();
  known_ = hung_ = pinging_ = false;
  unanswered_ = 0;
  retry_.reset();
  reason_ = why;
  shown_.clear();
  devices_.clear();
  for (auto& adapter : list_) adapter.powered = adapter.scanning = false;
  reconcile();
  changed();
}

void BluezRadio::get_objects() {
  const auto done = [this, owner = owner_](const Reply& reply) {
    if (owner != owner_) return;  // of a bluetoothd that is gone
    if (!reply.ok()) {
      ping();
      reason_ = fmt::format("bluetoothd does not answer: {}: {}", reply.error, reply.text);
      owner_retry_.fail(clock_.mono());
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(owner_retry_.due() - clock_.mono());
      retry_ = timers_.after(wait, [this] { get_objects(); });
      reconcile();
      return changed();
    }
    auto& message = *reply.message;
    if (message.enterContainer("{oa{sa{sv}}}")) {
      while (message.enterDictEntry("oa{sa{sv}}")) {
        sdbus::ObjectPath path;
        message >> path;
        read_object(message, path, false);
        message.exitDictEntry();
      }
    }
    known_ = true;
    reason_.clear();
    reconcile();
    changed();
  };
  bus_.call(kBluez, "/", kObjectManagerInterface, "GetManagedObjects", {}, settings_.pace.call, done);
}

void BluezRadio::on_added(sdbus::Message& message) {
  sdbus::ObjectPath path;
  message >> path;
  read_object(message, path, true);
}

/// `fresh`: bluetoothd has just heard it, so a device is an advert; its first comes in no other way.
void BluezRadio::read_object(sdbus::Message& message, std::string_view path, bool fresh) {
  bool can_monitor = false;
  read_interfaces(message, [&](std::string_view interface) {
    if (interface == kDeviceInterface) {
      report_.clear();
      read_device(message, report_);
      take_report(path, fresh);
    } else if (interface == kAdapterInterface) {
      AdapterReport report;
      read_adapter(message, report);
      note_adapter(path, report);
    } else {
      if (interface == kMonitorManagerInterface) can_monitor = true;
      return false;
    }
    return true;
  });
  const auto shown = shown_.find(path);
  if (!can_monitor || shown == shown_.end() || std::exchange(shown->second.can_monitor, true)) return;
  if (known_) reconcile();
}

void BluezRadio::on_removed(sdbus::Message& message) {
  sdbus::ObjectPath path;
  std::vector<std::string> interfaces;
  message >> path >> interfaces;
  for (const auto& interface : interfaces) {
    if (interface == kDeviceInterface) {
      if (const auto device = parse_device_path(path)) devices_.forget({device->address, device->index});
    } else if (interface == kAdapterInterface) {
      shown_.erase(path);
      reconcile();
      changed();
    }
  }
}

void BluezRadio::on_properties(sdbus::Message& message) {
  char* interface = nullptr;
  message >> interface;
  const std::string_view name(interface);
  if (name == kDeviceInterface) {
    report_.clear();
    read_device(message, report_);
    take_report(message.getPath(), true);
  } else if (name == kAdapterInterface) {
    AdapterReport report;
    read_adapter(message, report);
    const std::string path = message.getPath();
    if (shown_.contains(path)) note_adapter(path, report);
  }
}

void BluezRadio::note_adapter(std::string_view path, const AdapterReport& report) {
  auto known = shown_.find(path);
  const bool added = known == shown_.end();
  if (added) {
    const auto index = list_index(std::string(path.substr(path.rfind('/') + 1)), report.address.value_or(""));
    if (!index) return;
    known = shown_.emplace(path, Shown{}).first;
    known->second.index = *index;
  }
  auto& shown = known->second;
  shown.powered = report.powered.value_or(shown.powered);
  shown.discovering = report.discovering.value_or(shown.discovering);
  if (shown.work) {
    const auto work = shown.work;
    if (report.discovering) work->on_discovering(*report.discovering);
    if (report.powered) work->on_powered(*report.powered);
  }
  if (added && known_) reconcile();
  changed();
}

/// Makes an Advert of report_, with what the device said before where the report brings only a signal strength.
void BluezRadio::take_report(std::string_view path, bool fresh) {
  const auto device = parse_device_path(path);
  if (!device) return;
  // Others may scan with other adapters. At first, nobody has said yet which is ours.
  if (known_ && device->adapter != scanning_path_) return;
  too_long_ += report_.too_long;
  const bool manufacturer = report_.has_manufacturer, service = report_.has_service;
  if (!manufacturer && !service && !report_.rssi) return;  // a name, or a strength taken back at the end of a scan
  const MonoTime now = clock_.mono();
  const auto& said = devices_.note({device->address, device->index}, report_, now);
  if (!fresh || !events_ || !known_) return;
  const auto known = shown_.find(device->adapter);
  if (known == shown_.end()) return;
  if (tap_.is_open()) {
    if (deaf_) ++contrary_;  // radio_watch.cpp: the tap is broken, not the radio
    return;
  }
  Advert advert;
  advert.address = device->address;
  advert.adapter = known->second.index;
  advert.rssi = report_.rssi.value_or(Advert::kNoRssi);
  advert.at = now;
  const bool all = !manufacturer && !service;
  for (const auto* part :
       {all || manufacturer ? &said.manufacturer : nullptr, all || service ? &said.service : nullptr}) {
    if (!part) continue;
    if (advert.size + part->size() > Advert::kMaxData) {
      ++too_long_;
      continue;
    }
    std::copy(part->begin(), part->end(), advert.bytes.begin() + advert.size);
    advert.size = static_cast<std::uint8_t>(advert.size + part->size());
  }
  deliver(advert);
}

}  // namespace foyer::drivers::bluez
