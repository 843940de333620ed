#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.hpp"
#include "config/sections.hpp"

namespace foyer::config {
namespace {

constexpr std::size_t kMostEidName = 20;                     // beacon::Identifier::kMostName
constexpr std::int64_t kMostOffset = std::int64_t{1} << 33;  // seconds: past what a clock of 32 bits can be away

template <std::size_t N>
bool is_hex(std::string_view text) {
  return text.size() == 2 * N && from_hex(text).has_value();
}

template <std::size_t N>
bool read_hex(const Fields& map, std::string_view key, std::optional<std::array<std::uint8_t, N>>& out) {
  std::string text;
  if (!read_matching(map, key, text, is_hex<N>, N == 10 ? "20 hex digits" : "12 hex digits")) return false;
  std::ranges::copy(*from_hex(text), out.emplace().begin());
  return true;
}

/// The secret is 32 hex digits: 16 bytes.
bool read_identity_key(const Fields& map, EidBeacon& eid) {
  if (!map.require("key_file")) return false;
  auto content = read_named_secret(map, "key_file", eid.key_file);
  if (!content) return false;
  while (!content->empty() && (content->back() == '\n' || content->back() == '\r')) content->pop_back();
  if (!is_hex<16>(*content)) {
    map.find("key_file")->fault("must hold the identity key as 32 hex digits and nothing else");
    return false;
  }
  std::ranges::copy(*from_hex(*content), eid.identity_key.begin());
  return true;
}

std::optional<EidBeacon> read_eid(const Value& value, std::string_view path) {
  const auto map = section(value, path);
  if (!map) return std::nullopt;
  EidBeacon eid;
  const bool named = map->require("name", eid.name, &Value::name, kMostEidName);
  const bool keyed = read_identity_key(*map, eid);
  const bool timed = map->require("rotation", eid.rotation, &Value::number, 0, 15);
  map->read("clock_offset", eid.clock_offset, &Value::number, -kMostOffset, kMostOffset);
  return named && keyed && timed ? std::optional{eid} : std::nullopt;
}

/// A beacon is named in one way.
void check_one_way(const Fields& map) {
  const Value* first = nullptr;
  std::optional<Value> ways[] = {map.find("uuid"), map.find("namespace"), map.find("eid")};
  for (const auto& way : ways) {
    if (!way) continue;
    if (first != nullptr) way->fault("a beacon has one of uuid, namespace and eid");
    first = &*way;
  }
}

}  // namespace

std::optional<NamedBeacon> read_beacon(const Value& value, std::string_view path) {
  const auto map = section(value, path);
  if (!map) return std::nullopt;
  NamedBeacon beacon;
  check_one_way(*map);
  if (const auto eid = map->find("eid")) {
    beacon.eid = read_eid(*eid, std::string(path) + ".eid");
    return beacon.eid ? std::optional{beacon} : std::nullopt;
  }
  if (map->find("namespace")) {
    const bool named = read_hex(*map, "namespace", beacon.name_space);
    read_hex(*map, "instance", beacon.instance);
    return named ? std::optional{beacon} : std::nullopt;
  }
  const bool named = map->require("uuid", beacon.uuid, &Value::uuid);
  map->read("major", beacon.major, &Value::number, 0, 65535);
  map->read("minor", beacon.minor, &Value::number, 0, 65535);
  if (map->find("minor") && !map->find("major")) map->find("minor")->fault("needs a major");
  if (const auto instance = map->find("instance")) instance->fault("needs a namespace");
  return named ? std::optional{beacon} : std::nullopt;
}

std::vector<NamedBeacon> read_beacons(const Value& list, std::string_view path) {
  std::vector<NamedBeacon> beacons;
  for (const auto& item : list.list(0, kMostBeacons).value_or(std::vector<Value>{}))
    if (auto beacon = read_beacon(item, path)) beacons.push_back(std::move(*beacon));
  return beacons;
}

void read_tags(const Value& value, Tags& tags) {
  const auto map = section(value, "tags");
  if (!map) return;
  if (const auto staff = map->find("staff")) tags.staff = read_beacons(*staff, "tags.staff[]");
  if (const auto assets = map->find("assets")) tags.assets = read_beacons(*assets, "tags.assets[]");
}

std::string to_string(const NamedBeacon& beacon) {
  if (beacon.eid) return "eid/" + beacon.eid->name;
  if (beacon.name_space) return to_hex(*beacon.name_space) + "/" + (beacon.instance ? to_hex(*beacon.instance) : "any");
  return fmt::format("{}/{}/{}", foyer::to_string(beacon.uuid), beacon.major ? fmt::to_string(*beacon.major) : "any",
                     beacon.minor ? fmt::to_string(*beacon.minor) : "any");
}

}  // namespace foyer::config
