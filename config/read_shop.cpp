#include <fmt/format.h>

#include <algorithm>

#include "campaign/zone_time.hpp"
#include "config/sections.hpp"

namespace foyer::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostLanguages = 16;
constexpr std::size_t kMostLabel = 200;
constexpr std::size_t kMostZones = 64;
constexpr int kHysteresis = 6;  // dB from enter to exit where only enter is written

void read_languages(const Value& value, std::vector<std::string>& languages) {
  const auto items = value.list(1, kMostLanguages);
  if (!items) return;
  languages.clear();
  for (const auto& item : *items) {
    const auto tag = item.language();
    if (!tag) continue;
    if (std::ranges::find(languages, *tag) != languages.end())
      item.fault(fmt::format("{} is in the list already", *tag));
    languages.push_back(*tag);
  }
}

void read_levels(const Fields& map, Zone& zone) {
  const bool enter = map.read("enter", zone.enter, &Value::number, -120, 0);
  const auto exit = map.find("exit");
  if (!exit) {
    if (enter) zone.exit = zone.enter - kHysteresis;
    return;
  }
  if (map.read("exit", zone.exit, &Value::number, -127, 0) && (enter || !map.find("enter")) && zone.exit >= zone.enter)
    exit->fault(fmt::format("must be below enter ({}), not {}", zone.enter, zone.exit));
}

Zone read_zone(const Value& value) {
  Zone zone;
  const auto map = section(value, "zones[]");
  if (!map) return zone;
  map->require("id", zone.id, &Value::name, kMostName);
  zone.name = {{"en", zone.id}};
  map->read("name", zone.name, &Value::texts, kMostLabel);
  if (const auto beacons = map->find("beacons")) zone.beacons = read_beacons(*beacons, "zones[].beacons[]");
  bool signal = false;
  if (map->read("signal", signal, &Value::flag)) zone.signal = signal;
  read_levels(*map, zone);
  map->read("dwell", zone.dwell, &Value::duration, 100ms, 24h);
  map->read("exit_after", zone.exit_after, &Value::duration, 100ms, 24h);
  return zone;
}

}  // namespace

void read_gateway(const Value& value, Gateway& gateway) {
  const auto map = section(value, "gateway");
  if (!map) return;
  map->require("id", gateway.id, &Value::name, kMostName);
  map->require("store", gateway.store, &Value::name, kMostName);
  map->require("tenant", gateway.tenant, &Value::name, kMostName);
  if (map->read("timezone", gateway.timezone, &Value::text, kMostName)) {
    if (const auto zone = campaign::ZoneTime::load(gateway.timezone); !zone)
      map->find("timezone")->fault(zone.error().message);
  }
  if (const auto languages = map->find("languages")) read_languages(*languages, gateway.languages);
}

/// What pages and the poster can show; the portal tells them apart likewise.
bool is_picture(std::string_view content) {
  constexpr std::size_t kMostLogo = 256 * 1024;
  const bool known = content.starts_with("\x89PNG\r\n\x1a\n") || content.starts_with("\xff\xd8\xff") ||
                     (content.starts_with("RIFF") && content.substr(0, 16).find("WEBP") == 8) ||
                     content.substr(0, 1024).find("<svg") != std::string_view::npos;
  return known && content.size() <= kMostLogo;
}

void read_brand(const Value& value, Brand& brand) {
  const auto map = section(value, "brand");
  if (!map) return;
  map->read("name", brand.name, &Value::texts, kMostLabel);
  if (const auto logo = read_named_file(*map, "logo", brand.logo); logo && !is_picture(*logo))
    map->find("logo")->fault("must be an SVG, PNG, JPEG or WebP picture of at most 256 KiB");
  read_matching(*map, "accent", brand.accent, is_colour, "a colour like \"#07c160\"");
}

void read_storage(const Value& value, Storage& storage) {
  const auto map = section(value, "storage");
  if (!map) return;
  map->read("path", storage.path, &Value::text, kMostPath);
  map->read("max_size", storage.max_size, &Value::size, 256ull << 10, 1ull << 40);
  map->read("commit_group", storage.commit_group, &Value::number, 1, 4096);
}

void read_zones(const Value& value, std::vector<Zone>& zones) {
  const auto items = value.list(0, kMostZones);
  if (!items) return;
  for (const auto& item : *items) {
    auto zone = read_zone(item);
    const bool known = !zone.id.empty() && std::ranges::find(zones, zone.id, &Zone::id) != zones.end();
    if (known) item.fault(fmt::format("has the id {} of another zone", zone.id));
    zones.push_back(std::move(zone));
  }
}

void read_shoppers(const Value& value, Shoppers& shoppers) {
  const auto map = section(value, "shoppers");
  if (!map) return;
  map->require("uuid", shoppers.uuid, &Value::uuid);
  map->read("lease", shoppers.lease, &Value::seconds, 1s, 7 * 24h);
}

void read_keep(const Value& value, Keep& keep) {
  using namespace std::chrono_literals;
  constexpr std::chrono::seconds kLongest = std::chrono::days{3653};
  const auto map = section(value, "privacy.keep");
  if (!map) return;
  map->read("coupons", keep.coupons, &Value::seconds, 24h, kLongest);
  map->read("sales", keep.sales, &Value::seconds, 24h, kLongest);
  map->read("prizes", keep.prizes, &Value::seconds, 24h, kLongest);
  map->read("consents", keep.consents, &Value::seconds, 24h, kLongest);
}

void read_privacy(const Value& value, Config& config) {
  const auto map = section(value, "privacy");
  if (!map) return;
  map->choose<PrivacyMode>(
      "mode", config.privacy,
      {{"counting", PrivacyMode::counting}, {"visit", PrivacyMode::visit}, {"member", PrivacyMode::member}});
  map->read("k", config.privacy_k, &Value::number, 1, 1'000'000);
  if (const auto keep = map->find("keep")) read_keep(*keep, config.keep);
}

}  // namespace foyer::config
