#include "app/hearing.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>

#include "base/crypto.hpp"
#include "beacon/decode.hpp"

namespace foyer::app {

using nlohmann::json;
using presence::Change;

presence::Settings presence_settings(const config::Config& config) {
  presence::Settings settings;
  settings.zones.reserve(config.zones.size());
  for (const auto& zone : config.zones) {
    presence::Zone out{zone.id, {}, zone.enter, zone.exit, zone.dwell, zone.exit_after};
    for (const auto& beacon : zone.beacons) out.beacons.push_back({beacon.uuid, beacon.major, beacon.minor});
    settings.zones.push_back(std::move(out));
  }
  return settings;
}

namespace {

/// Scatters the table of identifiers, so that a stranger cannot aim at one place of it.
std::uint64_t seed() {
  std::array<std::uint8_t, 8> raw{};
  kernel_random(raw);
  return std::bit_cast<std::uint64_t>(raw);
}

}  // namespace

Hearing::Hearing(const config::Config& config, const ports::Clock& clock, const Subjects& subjects, Record record)
    : clock_(clock),
      subjects_(subjects),
      record_(std::move(record)),
      presence_(presence_settings(config), seed()),
      down_since_(clock.mono()) {}

void Hearing::set_own(const std::vector<ports::Broadcast>& broadcasts) {
  std::vector<BeaconId> own;
  own.reserve(broadcasts.size());
  for (const auto& broadcast : broadcasts) own.push_back(broadcast.id);
  presence_.set_own(
      [own = std::move(own)](const BeaconId& id) { return std::find(own.begin(), own.end(), id) != own.end(); });
}

void Hearing::reconfigure(const config::Config& config) {
  presence_.configure(presence_settings(config), changes_);
  flush();
}

void Hearing::on_advert(const Advert& advert) {
  ++figures_.heard;
  const auto malformed = beacon::for_each_frame(advert.data(), [&](const beacon::Frame& frame) {
    ++figures_.decoded;
    const auto* ibeacon = std::get_if<beacon::IBeacon>(&frame);
    if (ibeacon == nullptr) return;
    presence_.step({ibeacon->id, advert.rssi, advert.adapter, advert.at}, changes_);
  });
  if (malformed) ++figures_.malformed;
  flush();
}

void Hearing::tick() {
  // One that never came up since the start is told, too.
  constexpr std::chrono::seconds kPatience{30};
  if (!status_.up && !told_down_ && clock_.mono() - down_since_ >= kPatience) tell_down();
  presence_.tick(clock_.mono(), changes_);
  flush();
}

void Hearing::flush() {
  if (changes_.empty()) return;
  std::vector<Event> events;
  for (const auto& change : changes_) events.push_back(to_event(change));
  changes_.clear();
  record_(std::move(events));
}

Event Hearing::to_event(const Change& change) const {
  const auto identifier = to_string(change.id);
  json data;
  if (change.kind == Change::Kind::seen || change.kind == Change::Kind::lost) {
    data = {{"format", "ibeacon"}, {"identifier", identifier}};
    const auto& adapters = status_.adapters;
    data["adapter"] = change.adapter < adapters.size() ? adapters[change.adapter].name : "";
    if (change.rssi != Advert::kNoRssi) data["rssi"] = change.rssi;
    return {Stream::presence, change.kind == Change::Kind::seen ? "beacon.seen" : "beacon.lost", "", data.dump()};
  }
  // The person who carries it is named by pseudonym; the identifier itself is the tag's, not theirs.
  data = {{"zone", change.zone}, {"visit", change.visit}, {"identifier", identifier}};
  if (change.kind != Change::Kind::entered) data["dwell_s"] = static_cast<double>(change.dwell.count()) / 1000.0;
  const auto* type = change.kind == Change::Kind::entered   ? "presence.entered"
                     : change.kind == Change::Kind::dwelled ? "presence.dwelled"
                                                            : "presence.left";
  return {Stream::presence, type, subjects_.beacon(change.id), data.dump()};
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
    presence_.freeze(now);
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

std::string Hearing::here_json() const {
  auto list = json::array();
  for (const auto& here : presence_.here())
    list.push_back({{"identifier", to_string(here.id)},
                    {"subject", subjects_.beacon(here.id)},
                    {"zone", here.zone},
                    {"visit", here.visit},
                    {"since_s", here.since.count() / 1000},
                    {"rssi", here.rssi},
                    {"dwelled", here.dwelled}});
  return list.dump();
}

std::string to_json(const ports::RadioStatus& status) {
  json out{{"up", status.up}, {"mode", status.mode}, {"source", status.source}, {"reason", status.reason}};
  out["rung"] = rung_name(status);
  for (std::size_t i = 0; i < ports::kRungs; ++i) out["rungs"][ports::kRungNames[i]] = status.rungs[i];
  out["deaf_s"] = std::chrono::duration<double>(status.deaf).count();
  out["coalesced"] = status.coalesced;
  out["dropped"] = status.dropped;
  out["adapters"] = json::array();
  for (const auto& adapter : status.adapters)
    out["adapters"].push_back({{"name", adapter.name},
                               {"address", adapter.address},
                               {"powered", adapter.powered},
                               {"scanning", adapter.scanning},
                               {"adverts", adapter.adverts},
                               {"rate", adapter.rate}});
  constexpr const char* kStates[]{"requested", "registered", "confirmed"};
  out["broadcasts"] = json::array();
  for (const auto& one : status.broadcasts)
    out["broadcasts"].push_back({{"identifier", to_string(one.broadcast.id)},
                                 {"adapter", one.broadcast.adapter},
                                 {"state", kStates[static_cast<int>(one.state)]},
                                 {"error", one.error}});
  return out.dump();
}

}  // namespace foyer::app
