#include "presence/table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace foyer::presence {
namespace {

/// The finalizer of splitmix64: every input bit moves every output bit.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

std::size_t buckets_for(std::size_t limit) { return std::bit_ceil(std::max<std::size_t>(limit, 16)); }

}  // namespace

Table::Table(std::size_t limit, std::uint64_t seed)
    : limit_(std::max<std::size_t>(limit, 1)), seed_(seed), buckets_(buckets_for(limit_), kNone) {}

std::size_t Table::bucket(const beacon::Identifier& id) const {
  std::uint64_t high = 0, low = 0;
  std::uint32_t last = 0;
  std::memcpy(&high, id.bytes.data(), 8);
  std::memcpy(&low, id.bytes.data() + 8, 8);
  std::memcpy(&last, id.bytes.data() + 16, 4);
  const std::uint64_t number = std::uint64_t{static_cast<std::uint8_t>(id.format)} << 32 | last;
  const auto hash = mix(mix(mix(seed_ + 0x9e3779b97f4a7c15ull + high) + low) + number);
  return static_cast<std::size_t>(hash) & (buckets_.size() - 1);
}

std::uint32_t Table::find(const beacon::Identifier& id) const {
  auto index = buckets_[bucket(id)];
  while (index != kNone && entries_[index].id != id) index = entries_[index].next;
  return index;
}

std::uint32_t Table::insert(const beacon::Identifier& id) {
  std::uint32_t index = free_;
  if (index != kNone) {
    free_ = entries_[index].next;
  } else {
    index = static_cast<std::uint32_t>(entries_.size());
    if (entries_.size() == entries_.capacity())
      entries_.reserve(std::min(limit_, std::max<std::size_t>(64, entries_.size() * 2)));
    entries_.emplace_back();
  }
  auto& entry = entries_[index];
  entry = Entry{};
  entry.id = id;
  auto& head = buckets_[bucket(id)];
  entry.next = std::exchange(head, index);
  link_newest(index);
  ++size_;
  return index;
}

void Table::remove(std::uint32_t index) {
  auto* link = &buckets_[bucket(entries_[index].id)];
  while (*link != index) link = &entries_[*link].next;
  *link = entries_[index].next;
  unlink(index);
  entries_[index].next = std::exchange(free_, index);
  --size_;
}

void Table::touch(std::uint32_t index) {
  if (index == newest_) return;
  unlink(index);
  link_newest(index);
}

void Table::set_limit(std::size_t limit) {
  limit_ = std::max<std::size_t>(limit, 1);
  buckets_.assign(buckets_for(limit_), kNone);
  for (auto index = oldest_; index != kNone; index = entries_[index].newer)
    entries_[index].next = std::exchange(buckets_[bucket(entries_[index].id)], index);
}

std::size_t Table::memory() const {
  return entries_.capacity() * sizeof(Entry) + buckets_.capacity() * sizeof(std::uint32_t);
}

void Table::link_newest(std::uint32_t index) {
  auto& entry = entries_[index];
  entry.older = newest_;
  entry.newer = kNone;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = index;
  newest_ = index;
}

void Table::unlink(std::uint32_t index) {
  const auto& entry = entries_[index];
  (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
}

}  // namespace foyer::presence
