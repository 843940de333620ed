#include "beacon/eid.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace foyer::beacon {
namespace {

/// Slots of one key on either side of the present one.
std::int64_t margin(const EidKey& key) {
  const std::int64_t period = std::int64_t{1} << key.rotation;
  return std::max<std::int64_t>(1, (EidResolver::kDrift.count() + period - 1) / period);
}

std::int64_t floor_seconds(WallTime now) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

Eid eid_at(const AesBlock& identity_key, std::uint8_t rotation, std::uint32_t clock) {
  AesBlock block{};
  block[11] = 0xFF;
  block[14] = static_cast<std::uint8_t>(clock >> 24);
  block[15] = static_cast<std::uint8_t>(clock >> 16);
  const auto temporary_key = aes128_block(identity_key, block);
  const std::uint32_t begun = clock >> rotation << rotation;
  block = {};
  block[11] = rotation;
  for (std::size_t i = 0; i < 4; ++i) block[12 + i] = static_cast<std::uint8_t>(begun >> (24 - 8 * i));
  const auto whole = aes128_block(temporary_key, block);
  Eid eid;
  std::copy_n(whole.begin(), eid.size(), eid.begin());
  return eid;
}

EidResolver::EidResolver(std::vector<EidKey> keys) : keys_(std::move(keys)) {
  if (keys_.size() > kMostKeys) keys_.resize(kMostKeys);
  std::size_t all = 0;
  for (auto& key : keys_) {
    key.rotation = std::min<std::uint8_t>(key.rotation, 15);
    windows_.emplace_back().ring.resize(static_cast<std::size_t>(2 * margin(key) + 1));
    all += windows_.back().ring.size();
  }
  places_.resize(std::bit_ceil(std::max<std::size_t>(2 * all, 2)));
}

void EidResolver::advance(WallTime now) {
  bool moved = false;
  for (std::size_t i = 0; i < keys_.size(); ++i) moved |= move(i, floor_seconds(now) - keys_[i].clock_offset);
  if (moved) index();
}

/// Computes what has come into the window of one key; says whether anything has.
bool EidResolver::move(std::size_t key, std::int64_t clock) {
  auto& window = windows_[key];
  const auto& of = keys_[key];
  // A clock of 32 bits that has not begun or has run out names no slot.
  const std::int64_t last_slot = std::int64_t{UINT32_MAX} >> of.rotation;
  const std::int64_t slot = clock >> of.rotation;
  const std::int64_t first = std::clamp<std::int64_t>(slot - margin(of), 0, last_slot + 1);
  const std::int64_t end = std::clamp<std::int64_t>(slot + margin(of) + 1, 0, last_slot + 1);
  if (first == window.first && end == window.end) return false;
  for (auto at = first; at < end; ++at) {
    if (at >= window.first && at < window.end) continue;
    window.ring[static_cast<std::size_t>(at) % window.ring.size()] =
        eid_at(of.identity_key, of.rotation, static_cast<std::uint32_t>(at << of.rotation));
    ++enciphered_;
  }
  window.first = first;
  window.end = end;
  return true;
}

void EidResolver::index() {
  std::fill(places_.begin(), places_.end(), Place{});
  known_ = 0;
  for (std::size_t key = 0; key < keys_.size(); ++key)
    for (auto slot = windows_[key].first; slot < windows_[key].end; ++slot) {
      const auto& eid = windows_[key].ring[static_cast<std::size_t>(slot) % windows_[key].ring.size()];
      auto at = home(eid);
      while (places_[at].key != kFree && places_[at].eid != eid) at = (at + 1) & (places_.size() - 1);
      if (places_[at].key != kFree) continue;  // two keys send the same: the first of the configuration has it
      places_[at] = {eid, static_cast<std::uint16_t>(key)};
      ++known_;
    }
}

const EidKey* EidResolver::resolve(const Eid& eid) const {
  for (auto at = home(eid); places_[at].key != kFree; at = (at + 1) & (places_.size() - 1))
    if (places_[at].eid == eid) return &keys_[places_[at].key];
  return nullptr;
}

/// What AES made is scattered already; a stranger's choice only makes a look-up walk one run of places.
std::size_t EidResolver::home(const Eid& eid) const {
  std::uint64_t number = 0;
  std::memcpy(&number, eid.data(), sizeof number);
  return static_cast<std::size_t>(number) & (places_.size() - 1);
}

}  // namespace foyer::beacon
