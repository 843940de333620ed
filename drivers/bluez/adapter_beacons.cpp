#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/advert.hpp"
#include "drivers/bluez/adapter.hpp"
#include "drivers/bluez/names.hpp"

/// The beacons of an Adapter: LEAdvertisement1 objects and their registration.
namespace foyer::drivers::bluez {
namespace {

constexpr std::uint16_t kApple = 0x004C;
constexpr const char* kRoot = "/org/foyer/beacon";

}  // namespace

bool Adapter::export_beacon(const std::shared_ptr<Beacon>& beacon) {
  const auto& id = beacon->broadcast.id;
  const auto value = ibeacon_value(id, beacon->broadcast.measured_power);
  // The path says what is in it, so that a path is never used twice for two contents.
  beacon->path = fmt::format("{}/{}/{}", kRoot, path_.substr(path_.rfind('/') + 1), to_hex(value));
  std::vector<compat::Property> properties;
  properties.push_back({"Type", "s", [](sdbus::PropertyGetReply& reply) { reply << "broadcast"; }});
  properties.push_back({"ManufacturerData", "a{qv}", [value](sdbus::PropertyGetReply& reply) {
                          std::map<std::uint16_t, sdbus::Variant> data;
                          data.emplace(kApple, sdbus::Variant{std::vector<std::uint8_t>(value.begin(), value.end())});
                          reply << data;
                        }});
  const auto on_release = [weak = weak_from_this(), held = std::weak_ptr<Beacon>(beacon)] {
    const auto self = weak.lock();
    const auto released = held.lock();
    if (!self || !released) return;
    released->registered = false;
    released->error = "bluetoothd released it";
    released->retry.fail(self->world_.clock.mono());
    self->world_.changed();
    self->plan();
  };
  beacon->object = world_.bus.export_object(beacon->path, kAdvertisementInterface, std::move(properties),
                                            {{"Release", "", on_release}});
  return beacon->object != nullptr;
}

void Adapter::register_beacon(const std::shared_ptr<Beacon>& beacon) {
  const auto write = [path = beacon->path](sdbus::MethodCall& message) {
    message << sdbus::ObjectPath{path} << std::map<std::string, sdbus::Variant>{};
  };
  call(kAdvertisingManagerInterface, "RegisterAdvertisement", write,
       [this, held = std::weak_ptr<Beacon>(beacon)](const Reply& reply) {
         if (const auto answered = held.lock()) registered(*answered, reply);
       });
}

void Adapter::registered(Beacon& beacon, const Reply& reply) {
  if (reply.ok()) {
    beacon.registered = true;
    beacon.confirmed.reset();
    beacon.fade.reset();
    beacon.without_scan = false;
    beacon.error.clear();
    beacon.retry.succeed();
    return;
  }
  beacon.error = fmt::format("RegisterAdvertisement: {}: {}", reply.error, reply.text);
  // A late yes to a call that timed out, or one left from before a power cycle.
  beacon.clear_first = true;
  // Refused while scanning: once more at once with the scan stopped, before waiting.
  if (scanning_ && !beacon.without_scan) {
    beacon.without_scan = true;
    return;
  }
  beacon.without_scan = false;
  beacon.retry.fail(world_.clock.mono());
}

void Adapter::unregister_beacon(const std::shared_ptr<Beacon>& beacon) {
  // Weak: an object must not outlive its adapter in the callback of a call that is never answered.
  const auto done = [this, held = std::weak_ptr<Beacon>(beacon)](const Reply&) {
    const auto gone = held.lock();
    if (!gone) return;
    gone->registered = gone->clear_first = false;
    if (!gone->wanted) std::erase(beacons_, gone);
  };
  if (!beacon->registered && !beacon->clear_first) {
    done({});
    return plan();
  }
  const auto write = [path = beacon->path](sdbus::MethodCall& message) { message << sdbus::ObjectPath{path}; };
  // Its answer does not matter: "does not exist" is as good as gone.
  call(kAdvertisingManagerInterface, "UnregisterAdvertisement", write, done);
}

}  // namespace foyer::drivers::bluez
