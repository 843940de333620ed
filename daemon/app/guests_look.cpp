// What the kernel says of the guests: who is in, what they have used; what follows from it.
#include <algorithm>

#include "app/guests.hpp"

namespace foyer::app {

using ports::GuestKey;
using ports::Traffic;

namespace {

/// A look may tell what was so before the newest admission.
constexpr std::chrono::seconds kSettled{10};

std::uint64_t more_than(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

void Guests::reconcile(const std::vector<Session>& recorded) {
  for (const auto& session : recorded) {
    auto entry = make_entry(session);
    if (left(entry).count() > 0) by_pair_.try_emplace(session.pair, std::move(entry));
  }
  reconcile();
}

void Guests::reconcile() {
  if (gate_ == nullptr) return;
  gate_->look([this](const Result<ports::GateState>& state) {
    fault_ = state ? std::string{} : state.error().message;
    if (!state) return;
    if (auto adopted = adopt(*state); !adopted) fault_ = adopted.error().message;
  });
}

/// Brings the kernel in line with what is known.
Result<void> Guests::adopt(const ports::GateState& state) {
  for (auto& [pair, entry] : by_pair_) let_go_of_all(entry);
  std::map<MacAddress, Entry*> known;
  for (const bool v6 : {false, true})
    for (const auto& guest : state.guests) {
      if (is_v6(guest.key.ip) != v6) continue;
      auto* entry = find(guest.key.mac, guest.key.ip);  // over IPv6 a session made over IPv6 alone
      const auto of_mac = known.find(guest.key.mac);
      if (entry != nullptr) {
        entry->key = guest.key;
        note_names(*entry, guest.key.mac);
        known.try_emplace(guest.key.mac, entry);
      } else if (v6 && of_mac != known.end()) {
        entry = of_mac->second;
        entry->extra.push_back(guest.key);
      } else if (auto shut = gate_->remove(guest.key); !shut) {
        return fail(shut);
      }
      if (entry != nullptr) holders_[guest.key] = entry->session.pair;
    }
  // What was used and is not in the kernel any more was used by addresses that are gone.
  count(state);
  for (auto& [pair, entry] : by_pair_) {
    if (!entry.key) continue;
    entry.gone = {more_than(entry.bytes.up, entry.counted.up), more_than(entry.bytes.down, entry.counted.down)};
  }
  for (const auto& station : stations_->all()) on_station(station);
  return {};
}

void Guests::count(const ports::GateState& state) {
  std::map<GuestKey, Traffic> bytes;
  for (const auto& guest : state.guests) bytes[guest.key] = guest.bytes;
  std::vector<Entry*> lost;
  for (auto& [pair, entry] : by_pair_) {
    if (!entry.key) continue;
    if (!bytes.contains(*entry.key) && clock_.mono() - entry.opened > kSettled) lost.push_back(&entry);
    Traffic now;
    const auto add = [&](const GuestKey& key) {
      const auto it = bytes.find(key);
      if (it == bytes.end()) return;
      now.up += it->second.up;
      now.down += it->second.down;
    };
    add(*entry.key);
    for (const auto& key : entry.extra) add(key);
    if (now != entry.counted) entry.active = clock_.mono();
    entry.counted = now;
    entry.bytes = {std::max(entry.bytes.up, now.up + entry.gone.up),
                   std::max(entry.bytes.down, now.down + entry.gone.down)};
  }
  for (auto* entry : lost) mend(*entry);
  tallies_ = state.tallies;
  kept_out_.clear();
  for (const auto& [mac, left] : state.kept_out) kept_out_[mac] = clock_.mono() + left;
}

/// The kernel lets this one in no more: an address has one owner, and another device came in with it. Where it has the
/// address again it is opened anew; else it is recorded and not in, as after a reboot.
void Guests::mend(Entry& entry) {
  if (left(entry).count() <= 0) return;  // ends anyhow
  const GuestKey key = *entry.key;
  for (const auto& extra : entry.extra)
    if (auto closed = shut(extra, entry); !closed) fault_ = closed.error().message;
  let_go_of_all(entry);
  const auto station = stations_->find(key.ip);
  if (!station || station->mac != key.mac) return;
  if (auto opened = open_entry(entry, *station, key.ip); !opened) fault_ = opened.error().message;
}

void Guests::tick() {
  if (gate_ == nullptr) return;
  gate_->look([this](const Result<ports::GateState>& state) {
    fault_ = state ? std::string{} : state.error().message;
    if (state) count(*state);
    end_what_is_over(state.has_value());
  });
}

void Guests::end_what_is_over(bool counted) {
  std::vector<std::pair<std::string, const char*>> over;
  for (const auto& [pair, entry] : by_pair_) {
    const bool idle = limits_.idle.count() > 0 && clock_.mono() - entry.active > limits_.idle;
    if (left(entry).count() <= 0)
      over.emplace_back(pair, "expired");
    else if (entry.key && is_blocked(entry.key->mac))
      over.emplace_back(pair, "blocked");
    else if (counted && entry.key && limits_.quota != 0 && entry.bytes.up + entry.bytes.down >= limits_.quota)
      over.emplace_back(pair, "quota");
    else if (counted && entry.key && idle)
      over.emplace_back(pair, "idle");
  }
  for (const auto& [pair, reason] : over)
    if (auto ended = end(by_pair_.at(pair), reason); !ended) fault_ = ended.error().message;
}

bool Guests::is_blocked(const MacAddress& mac) const {
  return std::find(limits_.blocked.begin(), limits_.blocked.end(), mac) != limits_.blocked.end();
}

std::vector<campaign::SessionBytes> Guests::newly_counted() {
  std::vector<campaign::SessionBytes> changed;
  for (auto& [pair, entry] : by_pair_) {
    auto& recorded = entry.session;
    if (recorded.bytes_up == entry.bytes.up && recorded.bytes_down == entry.bytes.down) continue;
    recorded.bytes_up = entry.bytes.up;
    recorded.bytes_down = entry.bytes.down;
    changed.push_back({recorded.id, entry.bytes.up, entry.bytes.down});
  }
  return changed;
}

}  // namespace foyer::app
