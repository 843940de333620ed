#include <fmt/format.h>

#include "config/sections.hpp"

namespace foyer::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostBroadcasts = 16;

void read_scan(const Value& value, Radio& radio) {
  const auto map = section(value, "radio.scan");
  if (!map) return;
  read_matching(*map, "adapter", radio.adapter, is_adapter, kAdapterWanted);
  map->choose<ScanMode>("mode", radio.mode,
                        {{"auto", ScanMode::automatic},
                         {"active", ScanMode::active},
                         {"passive", ScanMode::passive},
                         {"off", ScanMode::off}});
  map->choose<bool>("tap", radio.tap, {{"auto", true}, {"off", false}});
  map->read("rssi_floor", radio.rssi_floor, &Value::number, -127, 20);
}

void read_minor(const Fields& map, BroadcastBeacon& beacon) {
  const auto minor = map.require("minor");
  if (!minor) return;
  const bool rolling = minor->is_scalar() && minor->node().text == "rolling";
  if (!rolling) {
    if (const auto& text = minor->node().text; minor->is_scalar() && (text.empty() || text[0] < '0' || text[0] > '9'))
      return minor->fault(
          fmt::format("must be rolling or a whole number from 0 to 65535, not {}", describe(minor->node())));
    map.read("minor", beacon.minor, &Value::number, 0, 65535);
    if (const auto rotate = map.find("rotate")) rotate->fault("is only for minor: rolling");
  }
}

BroadcastBeacon read_beacon(const Value& value) {
  BroadcastBeacon beacon;
  const auto map = section(value, "radio.broadcast[]");
  if (!map) return beacon;
  map->require("uuid", beacon.uuid, &Value::uuid);
  map->require("major", beacon.major, &Value::number, 0, 65535);
  read_minor(*map, beacon);
  map->read("rotate", beacon.rotate, &Value::seconds, 1s, 24h);
  map->read("measured_power", beacon.measured_power, &Value::number, -127, 20);
  read_matching(*map, "adapter", beacon.adapter, is_adapter, kAdapterWanted);
  return beacon;
}

void read_broadcast(const Value& value, std::vector<BroadcastBeacon>& broadcast) {
  const auto items = value.list(0, kMostBroadcasts);
  if (!items) return;
  for (const auto& item : *items) {
    const auto beacon = read_beacon(item);
    for (const auto& other : broadcast)
      if (beacon.uuid != Uuid{} && other.uuid == beacon.uuid && other.major == beacon.major &&
          other.minor == beacon.minor && other.adapter == beacon.adapter)
        item.fault("is broadcast already: the same uuid, major and minor");
    broadcast.push_back(beacon);
  }
}

}  // namespace

void read_radio(const Value& value, Radio& radio) {
  const auto map = section(value, "radio");
  if (!map) return;
  map->choose<RadioDriver>("driver", radio.driver, {{"bluez", RadioDriver::bluez}, {"sim", RadioDriver::sim}});
  if (const auto scenario = map->find("scenario")) {
    if (radio.driver != RadioDriver::sim) scenario->fault("is only for driver: sim");
    read_named_file(*map, "scenario", radio.scenario);
  }
  if (const auto scan = map->find("scan")) read_scan(*scan, radio);
  if (const auto broadcast = map->find("broadcast")) read_broadcast(*broadcast, radio.broadcast);
}

}  // namespace foyer::config
