#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "config/sections.hpp"

namespace foyer::config {
namespace {

bool overlap(const NamedBeacon& a, const NamedBeacon& b) {
  const auto meets = [](const auto& x, const auto& y) { return !x || !y || *x == *y; };
  if (a.eid || b.eid) return a.eid && b.eid && a.eid->name == b.eid->name;
  if (a.name_space || b.name_space) return a.name_space == b.name_space && meets(a.instance, b.instance);
  return a.uuid == b.uuid && meets(a.major, b.major) && meets(a.minor, b.minor);
}

bool is_lent(const Config& config, const NamedBeacon& beacon) {
  return config.shoppers && !beacon.eid && !beacon.name_space && beacon.uuid == config.shoppers->uuid;
}

/// The zone whose beacon before `at` hears the same as `beacon`.
const Zone* other_zone(const std::vector<Zone>& zones, const NamedBeacon* at) {
  for (const auto& zone : zones)
    for (const auto& beacon : zone.beacons) {
      if (&beacon == at) return nullptr;
      if (overlap(beacon, *at)) return &zone;
    }
  return nullptr;
}

/// Only where every item of the list was read, so that indices of both sides agree.
void check_beacons(const Fields& root, const Config& config) {
  const auto zones = root.find("zones");
  if (!zones || zones->node().items.size() != config.zones.size()) return;
  for (std::size_t z = 0; z < config.zones.size(); ++z) {
    const Value zone = zones->at(zones->node().items[z], z);
    if (zone.node().kind != Node::Kind::map) continue;
    const auto beacons = Fields(zone).find("beacons");
    if (!beacons || beacons->node().items.size() != config.zones[z].beacons.size()) continue;
    for (std::size_t b = 0; b < config.zones[z].beacons.size(); ++b) {
      const auto& beacon = config.zones[z].beacons[b];
      const Value item = beacons->at(beacons->node().items[b], b);
      if (const auto* other = other_zone(config.zones, &beacon))
        item.fault(fmt::format("{} is a beacon of zone {} already", to_string(beacon), other->id));
      if (is_lent(config, beacon)) item.fault("has the uuid of shoppers, whose identifiers are lent out");
    }
  }
}

/// A tag may stand in a zone; but has one role.
void check_tags(const Fields& root, const Config& config) {
  const auto tags = root.find("tags");
  if (!tags) return;
  for (const auto* list : {&config.tags.staff, &config.tags.assets})
    for (const auto& beacon : *list) {
      if (is_lent(config, beacon)) tags->fault("has the uuid of shoppers, whose identifiers are lent out");
      if (list == &config.tags.assets &&
          std::ranges::any_of(config.tags.staff, [&](const auto& one) { return overlap(one, beacon); }))
        tags->fault(fmt::format("{} is a tag of staff already", to_string(beacon)));
    }
}

/// Each key costs a computation whenever its beacon changes what it sends.
void check_eids(const Fields& root, const Config& config) {
  constexpr std::size_t kMostKeys = 256;  // beacon::EidResolver::kMostKeys
  std::map<std::string, const EidBeacon*> named;
  const auto take = [&](const std::vector<NamedBeacon>& beacons) {
    for (const auto& beacon : beacons) {
      if (!beacon.eid) continue;
      const auto [at, fresh] = named.emplace(beacon.eid->name, &*beacon.eid);
      if (!fresh && *at->second != *beacon.eid) root.fault(fmt::format("eid {} stands for two beacons", at->first));
    }
  };
  for (const auto& zone : config.zones) take(zone.beacons);
  take(config.tags.staff);
  take(config.tags.assets);
  if (named.size() > kMostKeys)
    root.fault(fmt::format("has {} beacons with an eid; at most {} are allowed", named.size(), kMostKeys));
}

void check_deaf(const Fields& root, const Config& config) {
  const bool needed = std::ranges::any_of(config.zones, [](const Zone& zone) { return !zone.beacons.empty(); });
  const auto radio = root.find("radio");
  if (!radio || !needed || config.radio.mode != ScanMode::off || !config.radio.broadcast.empty()) return;
  const auto scan = Fields(*radio).find("scan");
  const auto mode = scan ? Fields(*scan).find("mode") : std::nullopt;
  if (mode)
    mode->fault("off, and nothing is broadcast: the radio would do nothing, and zones have beacons to be heard");
}

struct Door {
  std::string_view section, key, subkey;
  std::string listen;
};

/// Two listeners on one port, of one address or with one of them on every address.
void check_doors(const Fields& root, const Config& config) {
  const std::array<Door, 3> doors{
      {{"portal", "http", "", config.portal.http},
       {"portal", "https", "listen", config.portal.https ? config.portal.https->listen : ""},
       {"admin", "http", "", config.admin.http}}};
  for (std::size_t i = 0; i < doors.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const auto a = parse_listen(doors[i].listen), b = parse_listen(doors[j].listen);
      if (!a || !b || a->port != b->port) continue;
      const auto any = [](const IpAddress& ip) { return ip.bytes == IpAddress{}.bytes; };
      if (a->address != b->address && !any(a->address) && !any(b->address)) continue;
      const auto part = root.find(doors[i].section);
      auto written = part ? Fields(*part).find(doors[i].key) : std::nullopt;
      if (written && !doors[i].subkey.empty() && Fields(*written).find(doors[i].subkey))
        written = Fields(*written).find(doors[i].subkey);
      const auto what = fmt::format("{} is taken by {}.{}", doors[i].listen, doors[j].section, doors[j].key);
      written ? written->fault(what) : root.fault(what);
    }
}

/// Whoever reaches admin.http may mint tokens and let phones in.
void check_admin(const Fields& root, const Config& config) {
  const auto door = parse_listen(config.admin.http);
  if (!door || is_loopback(door->address) || !config.admin.password_file.empty()) return;
  const auto admin = root.find("admin");
  const auto http = admin ? Fields(*admin).find("http") : std::nullopt;
  if (http) http->fault("is not a loopback address: needs admin.password_file");
}

}  // namespace

void check_together(const Fields& root, const Config& config) {
  check_beacons(root, config);
  check_tags(root, config);
  check_eids(root, config);
  check_deaf(root, config);
  check_doors(root, config);
  check_admin(root, config);
}

}  // namespace foyer::config
