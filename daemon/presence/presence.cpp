#include "presence/presence.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/advert.hpp"

namespace foyer::presence {
namespace {

constexpr unsigned kEnterSamples = 3;   ///< fewer are chance
constexpr unsigned kLeaveSamples = 25;  ///< 4 dB of noise stays on one side of a border for fewer

bool names(const std::vector<ZoneBeacon>& beacons, const beacon::Identifier& id) {
  return std::any_of(beacons.begin(), beacons.end(), [&](const auto& b) { return b.matches(id); });
}

std::chrono::milliseconds ms(MonoTime::duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

int rounded(const Filter& filter) {
  return filter.samples() == 0 ? Advert::kNoRssi : static_cast<int>(std::lround(filter.value()));
}

/// Log-distance with the exponent 2.5 of a shop floor. Many beacons say no power: then -59, what most are set to.
std::optional<double> distance(const Entry& entry) {
  if (entry.filter.samples() == 0) return std::nullopt;
  const double at_one_metre = entry.measured_power < 0 ? entry.measured_power : -59;
  return std::pow(10.0, (at_one_metre - static_cast<double>(entry.filter.value())) / 25.0);
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
  const auto index = admit(sighting.id, now, out);
  auto& entry = table_[index];
  const bool fresh = entry.first == now && entry.filter.samples() == 0 && entry.unrated == 0;
  if (!fresh) missing_ += entry.interval.add(now - entry.heard);
  entry.heard = now;
  entry.adapter = sighting.adapter;
  entry.measured_power = sighting.measured_power;
  entry.vouched = sighting.vouched;
  const bool sampled = sighting.rssi != Advert::kNoRssi;
  if (sampled) {
    ++samples_;
    entry.filter.add(sighting.rssi);
  } else if (entry.unrated < 255) {
    ++entry.unrated;
  }
  if (fresh) meet(entry, out);  // with its strength, and before what follows from it
  if (entry.guard.add(sighting.address, sighting.rssi, sighting.adapter, now)) {
    ++suspicions_;
    // One that was held back as a stranger stays untold, or whoever makes identifiers up would fill the outbox so.
    entry.told = entry.told || allow_stranger(strangers_seen_, now);
    if (entry.told) out.push_back(change(Change::Kind::suspected, entry));
  }
  for (std::size_t i = 0; i < entry.zones; ++i) advance(index, entry.visits[i], sampled, now, out);
}

void Presence::tick(MonoTime at, std::vector<Change>& out) {
  const MonoTime now = own_time(at);
  // Backwards: who leaves is replaced by the last, which was looked at already.
  for (std::size_t i = visiting_.size(); i-- > 0;) settle(visiting_[i], now, out);
  for (auto index = table_.oldest(); index != Table::kNone;) {
    const auto& entry = table_[index];
    const auto newer = entry.newer;
    const bool silent = now - entry.heard >= settings_.lost_after;
    if (!silent && !settings_.forget_after) break;  // those behind it were heard later still
    if (outlived(entry, now)) remove(index, out);
    index = newer;
  }
}

void Presence::freeze(MonoTime at, MonoTime::duration silence) {
  if (frozen_at_) return;
  const MonoTime now = own_time(at);
  frozen_at_ = now;
  const auto later = [now, silence](MonoTime time) { return std::clamp(silence, MonoTime::duration{0}, now - time); };
  for (auto index = table_.oldest(); index != Table::kNone; index = table_[index].newer) {
    auto& entry = table_[index];
    entry.heard += later(entry.heard);
    for (std::size_t i = 0; i < entry.zones; ++i) {
      auto& visit = entry.visits[i];
      if (!visit.inside) continue;
      const auto by = later(visit.strong);
      visit.since += by;  // silence is no dwelling
      visit.strong += by;
    }
  }
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
    entry.role = wanted.role;
    entry.known = wanted.known;
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
      all.push_back({entry.id,
                     settings_.zones[visit.zone].id,
                     visit.number,
                     ms(last_ - visit.since),
                     rounded(entry.filter),
                     visit.dwelled,
                     entry.role,
                     entry.known,
                     entry.guard.suspect(last_),
                     distance(entry),
                     {}});
      if (entry.interval.known()) all.back().interval = entry.interval.value();
    }
  }
  return all;
}

std::optional<Heard> Presence::heard(const beacon::Identifier& id) const {
  const auto index = table_.find(id);
  if (index == Table::kNone) return std::nullopt;
  const auto& entry = table_[index];
  Heard heard{
      ms(last_ - entry.heard), std::min(entry.filter.samples() + entry.unrated, 255u), entry.guard.suspect(last_), {}};
  for (std::size_t i = 0; i < entry.zones && heard.zone.empty(); ++i)
    if (entry.visits[i].inside) heard.zone = settings_.zones[entry.visits[i].zone].id;
  return heard;
}

Figures Presence::figures() const {
  Figures out{table_.size(), visiting_.size(), 0,           heard_,     samples_,       missing_,
              passed_over_,  evictions_,       suspicions_, held_back_, table_.limit(), table_.memory()};
  out.shoppers = static_cast<std::size_t>(std::count_if(
      visiting_.begin(), visiting_.end(), [this](auto index) { return table_[index].role == Role::shopper; }));
  return out;
}

MonoTime Presence::own_time(MonoTime at) {
  const MonoTime now = frozen_at_ ? *frozen_at_ : at - deaf_;
  return last_ = std::max(last_, now);
}

/// The entry of an identifier that is heard now: what silence ended before is told first.
std::uint32_t Presence::admit(const beacon::Identifier& id, MonoTime now, std::vector<Change>& out) {
  auto index = table_.find(id);
  if (index != Table::kNone) {
    auto& entry = table_[index];
    if (!outlived(entry, now)) {
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
  table_[index].first = table_[index].heard = now;
  assign_zones(table_[index]);
  return index;
}

/// A new one is told, but of strangers no more than a shop can have.
void Presence::meet(Entry& entry, std::vector<Change>& out) {
  entry.told = entry.known || entry.vouched || allow_stranger(strangers_seen_, entry.heard);
  if (entry.told) out.push_back(change(Change::Kind::seen, entry));
}

bool Presence::outlived(const Entry& entry, MonoTime now) const {
  if (settings_.forget_after && entry.role == Role::shopper && now - entry.first >= *settings_.forget_after)
    return true;
  return now - entry.heard >= stretched(settings_.lost_after, entry);
}

bool Presence::allow_stranger(std::size_t& count, MonoTime now) {
  if (now - minute_ >= std::chrono::minutes{1}) {
    minute_ = now;
    strangers_seen_ = strangers_in_ = 0;
  }
  const bool allowed = count < settings_.max_strangers;
  ++(allowed ? count : held_back_);
  return allowed;
}

void Presence::remove(std::uint32_t index, std::vector<Change>& out) {
  auto& entry = table_[index];
  for (std::size_t i = 0; i < entry.zones; ++i)
    if (entry.visits[i].inside) leave(index, entry.visits[i], out);
  if (entry.told) out.push_back(change(Change::Kind::lost, entry));
  table_.remove(index);
}

/// Its role, and the zones that name the identifier; where none does, those that take by signal.
void Presence::assign_zones(Entry& entry) const {
  entry.role = names(settings_.staff, entry.id)    ? Role::staff
               : names(settings_.assets, entry.id) ? Role::asset
                                                   : Role::shopper;
  entry.known = entry.role != Role::shopper;
  entry.zones = 0;
  for (const bool named : {true, false}) {
    for (std::size_t i = 0; i < settings_.zones.size() && entry.zones < Entry::kMaxZones; ++i) {
      const auto& zone = settings_.zones[i];
      if (named ? !names(zone.beacons, entry.id) : !zone.by_signal()) continue;
      entry.known |= named;
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
    if (now - entry.heard >= stretched(zone.exit_after, entry) || faded(visit, zone, now)) leave(index, visit, out);
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
    visit.weak_samples = 0;
  } else if (sampled && visit.weak_samples < UINT8_MAX) {
    ++visit.weak_samples;
  }
  if (faded(visit, zone, now)) {
    leave(index, visit, out);
    return;
  }
  if (visit.dwelled || visit.strong - visit.since < zone.dwell) return;
  visit.dwelled = true;
  out.push_back(change(Change::Kind::dwelled, entry, &visit));
}

void Presence::enter(std::uint32_t index, Visit& visit, MonoTime now, std::vector<Change>& out) {
  auto& entry = table_[index];
  if (!entry.known && !entry.vouched && !allow_stranger(strangers_in_, now)) return;  // the next sample tries again
  visit.inside = true;
  visit.weak = visit.dwelled = false;
  visit.weak_samples = 0;
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

/// Weak for so long, and told so by so many samples, that it has gone; without the samples it takes exit_after.
bool Presence::faded(const Visit& visit, const Zone& zone, MonoTime now) const {
  if (!visit.weak) return false;
  const auto weak_for = now - visit.strong;
  return weak_for >= zone.exit_after || (weak_for >= settings_.leave_hold && visit.weak_samples >= kLeaveSamples);
}

/// After so long a silence old samples say nothing about now.
std::chrono::milliseconds Presence::forget_after(const Entry& entry) const {
  if (entry.zones == 0) return settings_.lost_after;
  Milliseconds longest{0};
  for (std::size_t i = 0; i < entry.zones; ++i)
    longest = std::max(longest, settings_.zones[entry.visits[i].zone].exit_after);
  return stretched(longest, entry);
}

std::chrono::milliseconds Presence::stretched(Milliseconds time, const Entry& entry) {
  if (!entry.interval.known()) return time;
  return std::clamp<Milliseconds>(4 * entry.interval.value(), time, 8 * time);
}

Change Presence::change(Change::Kind kind, const Entry& entry, const Visit* visit) const {
  Change change;
  change.kind = kind;
  change.id = entry.id;
  change.adapter = entry.adapter;
  change.rssi = rounded(entry.filter);
  change.role = entry.role;
  change.known = entry.known;
  change.suspect = entry.guard.suspect(last_);
  if (visit == nullptr) return change;
  change.zone = settings_.zones[visit->zone].id;
  change.visit = visit->number;
  change.dwell = ms(visit->strong - visit->since);
  return change;
}

}  // namespace foyer::presence
