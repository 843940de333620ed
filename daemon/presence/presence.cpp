#include "presence/presence.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/advert.hpp"

namespace foyer::presence {
namespace {

constexpr unsigned kEnterSamples = 3;  ///< fewer are chance

bool names(const Zone& zone, const BeaconId& id) {
  return std::any_of(zone.beacons.begin(), zone.beacons.end(), [&](const auto& b) { return b.matches(id); });
}

std::chrono::milliseconds ms(MonoTime::duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

int rounded(const Filter& filter) {
  return filter.samples() == 0 ? Advert::kNoRssi : static_cast<int>(std::lround(filter.value()));
}

}  // namespace

Presence::Presence(Settings settings, std::uint64_t seed)
    : settings_(std::move(settings)), table_(settings_.max_identifiers, seed) {}

void Presence::step(const Sighting& sighting, std::vector<Change>& out) {
  if (own_ && own_(sighting.id)) {
    ++passed_over_;
    return;
  }
  ++heard_;
  const MonoTime now = own_time(sighting.at);
  bool fresh = false;
  const auto index = admit(sighting.id, now, fresh, out);
  auto& entry = table_[index];
  entry.heard = now;
  entry.adapter = sighting.adapter;
  const bool sampled = sighting.rssi != Advert::kNoRssi;
  if (sampled) {
    ++samples_;
    entry.filter.add(sighting.rssi);
  } else if (entry.unrated < 255) {
    ++entry.unrated;
  }
  if (fresh) out.push_back(change(Change::Kind::seen, entry));  // with its strength, and before what follows from it
  for (std::size_t i = 0; i < entry.zones; ++i) advance(index, entry.visits[i], sampled, now, out);
}

void Presence::tick(MonoTime at, std::vector<Change>& out) {
  const MonoTime now = own_time(at);
  // Backwards: who leaves is replaced by the last, which was looked at already.
  for (std::size_t i = visiting_.size(); i-- > 0;) settle(visiting_[i], now, out);
  while (table_.oldest() != Table::kNone && now - table_[table_.oldest()].heard >= settings_.lost_after)
    remove(table_.oldest(), out);
}

void Presence::freeze(MonoTime now) {
  if (!frozen_at_) frozen_at_ = own_time(now);
}

void Presence::thaw(MonoTime now) {
  if (!frozen_at_) return;
  deaf_ = now - *frozen_at_;
  frozen_at_.reset();
}

void Presence::configure(Settings settings, std::vector<Change>& out) {
  if (settings == settings_) return;
  for (auto index = table_.oldest(); index != Table::kNone; index = table_[index].newer) {
    auto& entry = table_[index];
    Entry wanted;
    wanted.id = entry.id;
    std::swap(settings_, settings);
    assign_zones(wanted);
    std::swap(settings_, settings);
    for (std::size_t i = 0; i < entry.zones; ++i) {
      auto& visit = entry.visits[i];
      if (!visit.inside) continue;
      const auto same = std::find_if(wanted.visits.begin(), wanted.visits.begin() + wanted.zones, [&](const Visit& w) {
        return settings.zones[w.zone].id == settings_.zones[visit.zone].id;
      });
      if (same == wanted.visits.begin() + wanted.zones) {
        leave(index, visit, out);
      } else {
        const auto place = std::pair(same->zone, same->named);
        *same = visit;
        std::tie(same->zone, same->named) = place;
      }
    }
    entry.visits = wanted.visits;
    entry.zones = wanted.zones;
  }
  settings_ = std::move(settings);
  for (const auto limit = std::max<std::size_t>(settings_.max_identifiers, 1); table_.size() > limit; ++evictions_)
    remove(table_.oldest(), out);
  table_.set_limit(settings_.max_identifiers);
}

std::vector<Here> Presence::here() const {
  std::vector<Here> all;
  for (const auto index : visiting_) {
    const auto& entry = table_[index];
    for (std::size_t i = 0; i < entry.zones; ++i) {
      const auto& visit = entry.visits[i];
      if (!visit.inside) continue;
      all.push_back({entry.id, settings_.zones[visit.zone].id, visit.number, ms(last_ - visit.since),
                     rounded(entry.filter), visit.dwelled});
    }
  }
  return all;
}

Figures Presence::figures() const {
  return {table_.size(), visiting_.size(), heard_, samples_, passed_over_, evictions_, table_.memory()};
}

MonoTime Presence::own_time(MonoTime at) {
  const MonoTime now = frozen_at_ ? *frozen_at_ : at - deaf_;
  return last_ = std::max(last_, now);
}

/// The entry of an identifier that is heard now: what silence ended before is told first.
std::uint32_t Presence::admit(const BeaconId& id, MonoTime now, bool& fresh, std::vector<Change>& out) {
  auto index = table_.find(id);
  if (index != Table::kNone) {
    auto& entry = table_[index];
    if (now - entry.heard < settings_.lost_after) {
      settle(index, now, out);
      if (now - entry.heard >= forget_after(entry)) {
        entry.filter.reset();
        entry.unrated = 0;
      }
      table_.touch(index);
      return index;
    }
    remove(index, out);
  } else if (table_.size() >= table_.limit()) {
    ++evictions_;
    remove(table_.oldest(), out);
  }
  index = table_.insert(id);
  assign_zones(table_[index]);
  fresh = true;
  return index;
}

void Presence::remove(std::uint32_t index, std::vector<Change>& out) {
  auto& entry = table_[index];
  for (std::size_t i = 0; i < entry.zones; ++i)
    if (entry.visits[i].inside) leave(index, entry.visits[i], out);
  out.push_back(change(Change::Kind::lost, entry));
  table_.remove(index);
}

/// The zones that name the identifier; where none does, those that name nobody.
void Presence::assign_zones(Entry& entry) const {
  entry.zones = 0;
  for (const bool named : {true, false}) {
    for (std::size_t i = 0; i < settings_.zones.size() && entry.zones < Entry::kMaxZones; ++i) {
      const auto& zone = settings_.zones[i];
      if (named ? !names(zone, entry.id) : !zone.beacons.empty()) continue;
      auto& visit = entry.visits[entry.zones++];
      visit = Visit{};
      visit.zone = static_cast<std::uint16_t>(i);
      visit.named = named;
    }
    if (entry.zones > 0) return;
  }
}

/// Ends what is due at `now` by the entry having been silent or weak.
void Presence::settle(std::uint32_t index, MonoTime now, std::vector<Change>& out) {
  auto& entry = table_[index];
  for (std::size_t i = 0; i < entry.zones; ++i) {
    auto& visit = entry.visits[i];
    if (!visit.inside) continue;
    const auto& zone = settings_.zones[visit.zone];
    if (now - entry.heard >= zone.exit_after || (visit.weak && now - visit.strong >= hold(zone)))
      leave(index, visit, out);
  }
}

void Presence::advance(std::uint32_t index, Visit& visit, bool sampled, MonoTime now, std::vector<Change>& out) {
  const auto& entry = table_[index];
  const auto& zone = settings_.zones[visit.zone];
  const auto value = entry.filter.value();
  if (!visit.inside) {
    const bool strong = sampled && entry.filter.samples() >= kEnterSamples && value >= static_cast<float>(zone.enter);
    const bool told = visit.named && entry.filter.samples() == 0 && entry.unrated >= kEnterSamples;
    if (strong || told) enter(index, visit, now, out);
    return;
  }
  if (sampled) visit.weak = value < static_cast<float>(zone.exit);
  if (!visit.weak) {
    visit.strong = now;
  } else if (now - visit.strong >= hold(zone)) {
    leave(index, visit, out);
    return;
  }
  if (visit.dwelled || visit.strong - visit.since < zone.dwell) return;
  visit.dwelled = true;
  out.push_back(change(Change::Kind::dwelled, entry, &visit));
}

void Presence::enter(std::uint32_t index, Visit& visit, MonoTime now, std::vector<Change>& out) {
  auto& entry = table_[index];
  visit.inside = true;
  visit.weak = visit.dwelled = false;
  visit.number = ++visits_;
  visit.since = visit.strong = now;
  if (entry.inside++ == 0) {
    entry.place = static_cast<std::uint32_t>(visiting_.size());
    visiting_.push_back(index);
  }
  out.push_back(change(Change::Kind::entered, entry, &visit));
}

void Presence::leave(std::uint32_t index, Visit& visit, std::vector<Change>& out) {
  auto& entry = table_[index];
  out.push_back(change(Change::Kind::left, entry, &visit));
  visit.inside = false;
  if (--entry.inside > 0) return;
  table_[visiting_.back()].place = entry.place;
  visiting_[entry.place] = visiting_.back();
  visiting_.pop_back();
}

std::chrono::milliseconds Presence::hold(const Zone& zone) const {
  return std::min(settings_.leave_hold, zone.exit_after);
}

/// After so long a silence old samples say nothing about now.
std::chrono::milliseconds Presence::forget_after(const Entry& entry) const {
  if (entry.zones == 0) return settings_.lost_after;
  Milliseconds longest{0};
  for (std::size_t i = 0; i < entry.zones; ++i)
    longest = std::max(longest, settings_.zones[entry.visits[i].zone].exit_after);
  return longest;
}

Change Presence::change(Change::Kind kind, const Entry& entry, const Visit* visit) const {
  Change change;
  change.kind = kind;
  change.id = entry.id;
  change.adapter = entry.adapter;
  change.rssi = rounded(entry.filter);
  if (visit == nullptr) return change;
  change.zone = settings_.zones[visit->zone].id;
  change.visit = visit->number;
  change.dwell = ms(visit->strong - visit->since);
  return change;
}

}  // namespace foyer::presence
