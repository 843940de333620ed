#include "app/presence_events.hpp"

#include <nlohmann/json.hpp>

#include "base/advert.hpp"

namespace foyer::app {

using nlohmann::json;
using presence::Change;
using presence::Role;

namespace {

bool is_told(const Change& change, const Telling& telling) {
  if (change.role == Role::asset) return true;
  switch (telling.mode) {
    case config::PrivacyMode::counting: return false;
    case config::PrivacyMode::visit: return true;
    case config::PrivacyMode::member: return change.role == Role::staff || telling.holder != nullptr;
  }
  return false;
}

/// What a beacon says of itself to everybody: the chain must know whose beacons, and whose copies, are in its shop. Who
/// is where is told by pseudonym, below.
Event beacon_event(const Change& change, const Telling& telling) {
  json data{{"format", beacon::to_string(change.id.format)}, {"identifier", to_string(change.id)}};
  data["adapter"] = telling.adapter;
  if (change.rssi != Advert::kNoRssi) data["rssi"] = change.rssi;
  if (change.suspect && change.kind != Change::Kind::lost) data["suspect"] = "copies";
  const auto* type = change.kind == Change::Kind::lost ? "beacon.lost" : "beacon.seen";
  return {Stream::presence, type, "", data.dump()};
}

const char* type_of(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::entered: return "presence.entered";
    case Change::Kind::dwelled: return "presence.dwelled";
    default: return "presence.left";
  }
}

}  // namespace

std::string_view kind_of(Role role, bool lent) {
  if (role == Role::staff) return "staff";
  if (role == Role::asset) return "asset";
  return lent ? "lent" : "shopper";
}

std::optional<Event> to_event(const Change& change, const Telling& telling) {
  if (!is_told(change, telling)) return std::nullopt;
  if (change.kind == Change::Kind::seen || change.kind == Change::Kind::suspected || change.kind == Change::Kind::lost)
    return beacon_event(change, telling);
  const bool lent = telling.holder != nullptr;
  // The person who carries it is named by pseudonym; the identifier is given where it is the shop's thing.
  json data{{"zone", change.zone}, {"visit", change.visit}, {"kind", kind_of(change.role, lent)}};
  if (change.known) data["identifier"] = to_string(change.id);
  if (change.suspect) data["suspect"] = "copies";
  if (change.kind != Change::Kind::entered) data["dwell_s"] = static_cast<double>(change.dwell.count()) / 1000.0;
  const auto subject = lent ? *telling.holder : telling.subjects.beacon(change.id);
  return Event{Stream::presence, type_of(change.kind), subject, data.dump()};
}

}  // namespace foyer::app
