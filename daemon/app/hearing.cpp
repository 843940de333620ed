#include "app/hearing.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>

#include "app/presence_events.hpp"
#include "base/crypto.hpp"
#include "beacon/decode.hpp"

namespace foyer::app {

using nlohmann::json;
using presence::Change;

namespace {

presence::ZoneBeacon named(const config::NamedBeacon& beacon) {
  if (beacon.eid) return presence::ZoneBeacon::eid(beacon.eid->name);
  if (beacon.name_space) return presence::ZoneBeacon::uid(*beacon.name_space, beacon.instance);
  return {beacon.uuid, beacon.major, beacon.minor};
}

std::vector<presence::ZoneBeacon> named(const std::vector<config::NamedBeacon>& beacons) {
  std::vector<presence::ZoneBeacon> out;
  out.reserve(beacons.size());
  for (const auto& beacon : beacons) out.push_back(named(beacon));
  return out;
}

std::vector<std::string> zone_ids(const config::Config& config) {
  std::vector<std::string> ids;
  for (const auto& zone : config.zones) ids.push_back(zone.id);
  return ids;
}

/// Scatters the table of identifiers, so that a stranger cannot aim at one place of it.
std::uint64_t seed(const Random& random) {
  std::array<std::uint8_t, 8> raw{};
  random(raw);
  return std::bit_cast<std::uint64_t>(raw);
}

}  // namespace

presence::Settings presence_settings(const config::Config& config) {
  presence::Settings settings;
  settings.zones.reserve(config.zones.size());
  for (const auto& zone : config.zones)
    settings.zones.push_back(
        {zone.id, named(zone.beacons), zone.enter, zone.exit, zone.dwell, zone.exit_after, zone.signal});
  settings.staff = named(config.tags.staff);
  settings.assets = named(config.tags.assets);
  // Nothing of one shopper for longer: the most that counting without consent is thought to allow (docs/privacy.md).
  if (config.privacy == config::PrivacyMode::counting) settings.forget_after = std::chrono::minutes{5};
  return settings;
}

std::vector<beacon::EidKey> eid_keys(const config::Config& config) {
  std::vector<beacon::EidKey> keys;
  const auto add = [&keys](const std::vector<config::NamedBeacon>& beacons) {
    for (const auto& beacon : beacons) {
      if (!beacon.eid) continue;
      const auto& eid = *beacon.eid;
      beacon::EidKey key{eid.name, eid.identity_key, eid.rotation, eid.clock_offset};
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
    }
  };
  for (const auto& zone : config.zones) add(zone.beacons);
  add(config.tags.staff);
  add(config.tags.assets);
  return keys;
}

Hearing::Hearing(const config::Config& config, const ports::Clock& clock, const Subjects& subjects,
                 const Leases& leases, Random random, Record record)
    : clock_(clock),
      subjects_(subjects),
      leases_(leases),
      record_(std::move(record)),
      privacy_(config.privacy),
      resolver_(eid_keys(config)),
      crowd_(random),
      presence_(presence_settings(config), seed(random)),
      down_since_(clock.mono()) {
  resolver_.advance(clock.wall());
  crowd_.configure(zone_ids(config), config.privacy_k);
  crowd_.roll(clock.wall());
  presence_.set_own([this](const beacon::Identifier& id) {
    if (id.format != beacon::Identifier::Format::ibeacon) return false;
    const auto beacon = id.beacon_id();
    return std::find(own_.begin(), own_.end(), beacon) != own_.end();
  });
}

void Hearing::reconfigure(const config::Config& config) {
  flush();  // what happened under the mode that was
  privacy_ = config.privacy;
  resolver_ = beacon::EidResolver(eid_keys(config));
  resolver_.advance(clock_.wall());
  crowd_.configure(zone_ids(config), config.privacy_k);
  presence_.configure(presence_settings(config), changes_);
  flush();
}

void Hearing::on_advert(const Advert& advert) {
  ++figures_.heard;
  const auto malformed =
      beacon::for_each_frame(advert.data(), [&](const beacon::Frame& frame) { hear(frame, advert); });
  if (malformed) ++figures_.malformed;
  flush();
}

void Hearing::hear(const beacon::Frame& frame, const Advert& advert) {
  ++figures_.decoded;
  presence::Sighting sighting;
  if (const auto* eid = std::get_if<beacon::EddystoneEid>(&frame)) {
    const auto* key = resolver_.resolve(eid->eid);
    if (key == nullptr) {
      ++figures_.unresolved;
      return;
    }
    sighting.id = beacon::Identifier::of_eid(key->name);
  } else if (const auto id = beacon::identifier_of(frame)) {
    sighting.id = *id;
  } else {
    return;  // says something of its sender, not who that is
  }
  if (is_lent_kind(sighting.id)) {
    const bool lent =
        sighting.id.format == beacon::Identifier::Format::ibeacon && leases_.holder(sighting.id.beacon_id()) != nullptr;
    if (!lent) {
      ++figures_.not_lent;
      return;
    }
    sighting.vouched = true;
  }
  sighting.rssi = advert.rssi;
  sighting.adapter = advert.adapter;
  sighting.at = advert.at;
  sighting.address = advert.address;
  sighting.measured_power = beacon::measured_power(frame);
  presence_.step(sighting, changes_);
}

void Hearing::tick() {
  // One that never came up since the start is told, too.
  constexpr std::chrono::seconds kPatience{30};
  if (!status_.up && !told_down_ && clock_.mono() - down_since_ >= kPatience) tell_down();
  resolver_.advance(clock_.wall());
  presence_.tick(clock_.mono(), changes_);
  flush();
  count_hours();
}

/// Of the uuid from which identifiers are lent.
bool Hearing::is_lent_kind(const beacon::Identifier& id) const {
  using Format = beacon::Identifier::Format;
  return (id.format == Format::ibeacon || id.format == Format::altbeacon) && leases_.lends(id.beacon_id().uuid);
}

const std::string* Hearing::holder(const beacon::Identifier& id) const {
  return id.format == beacon::Identifier::Format::ibeacon ? leases_.last_holder(id.beacon_id()) : nullptr;
}

void Hearing::flush() {
  if (changes_.empty()) return;
  std::vector<Event> events;
  for (const auto& change : changes_) {
    if (change.kind == Change::Kind::entered && change.role == presence::Role::shopper)
      crowd_.add(change.zone, change.id);
    const auto& adapters = status_.adapters;
    const auto* holds = holder(change.id);
    // What is left of an identifier whose lease was revoked is nobody's: it ends untold.
    if (holds == nullptr && is_lent_kind(change.id)) continue;
    const Telling telling{privacy_, subjects_, holds,
                          change.adapter < adapters.size() ? std::string_view(adapters[change.adapter].name) : ""};
    if (auto event = to_event(change, telling)) events.push_back(std::move(*event));
  }
  changes_.clear();
  if (!events.empty()) record_(std::move(events));
}

/// Where single visits are not told, the hour's number is what there is to say.
void Hearing::count_hours() {
  const auto ended = crowd_.roll(clock_.wall());
  if (ended.empty()) return;
  for (const auto& here : presence_.here())  // who stays is there in the new hour, too
    if (here.role == presence::Role::shopper) crowd_.add(here.zone, here.id);
  if (privacy_ == config::PrivacyMode::visit) return;
  std::vector<Event> events;
  for (const auto& hour : ended) {
    const json data{{"zone", hour.zone},
                    {"from", to_rfc3339(hour.from)},
                    {"until", to_rfc3339(hour.from + std::chrono::hours{1})},
                    {"shoppers", hour.shoppers ? json(*hour.shoppers) : json(nullptr)},
                    {"k", crowd_.k()}};
    events.push_back({Stream::presence, "presence.counted", "", data.dump()});
  }
  record_(std::move(events));
}

namespace {
json rung_name(const ports::RadioStatus& status) {
  return status.rung ? json(ports::kRungNames[static_cast<std::size_t>(*status.rung)]) : json(nullptr);
}
}  // namespace

void Hearing::on_radio_changed(const ports::RadioStatus& status) {
  const bool was_up = status_.up;
  status_ = status;
  const auto now = clock_.mono();
  if (was_up && !status.up) {
    down_since_ = now;
    presence_.freeze(now, status.deaf - deaf_before_);  // what it had not heard before that was known
    tell_down();
  } else if (!was_up && status.up) {
    presence_.thaw(now);
    if (!std::exchange(told_down_, false)) return;
    const auto deaf = deaf_seconds(now);
    spdlog::info("the radio hears again after {:.0f} s", deaf);
    record_({{Stream::health, "radio.recovered", "", json{{"deaf_s", deaf}, {"rung", rung_name(status)}}.dump()}});
  } else if (!status.up && told_down_ && status.rung == ports::Rung::service && !std::exchange(told_last_, true)) {
    tell_down();  // all was tried, and it is still so
  }
  if (status.up) deaf_before_ = status.deaf;
}

/// Of this trouble. The radio knows best since when it hears nothing; one that keeps no account began when it said so.
double Hearing::deaf_seconds(MonoTime now) const {
  return std::chrono::duration<double>(std::max<MonoTime::duration>(now - down_since_, status_.deaf - deaf_before_))
      .count();
}

void Hearing::tell_down() {
  if (!std::exchange(told_down_, true)) told_last_ = false;
  const json rung = rung_name(status_);
  spdlog::warn("the radio hears nothing: {} (tried last: {})", status_.reason,
               rung.is_null() ? std::string("nothing") : rung.get<std::string>());
  const auto deaf = deaf_seconds(clock_.mono());
  record_({{Stream::health, "radio.degraded", "",
            json{{"reason", status_.reason}, {"rung", rung}, {"deaf_s", deaf}}.dump()}});
}

}  // namespace foyer::app
