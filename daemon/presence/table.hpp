#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "beacon/identifier.hpp"
#include "presence/filter.hpp"
#include "presence/guard.hpp"
#include "presence/interval.hpp"
#include "presence/zone.hpp"

namespace foyer::presence {

/// How an identifier stands to one zone that takes it.
struct Visit {
  std::uint64_t number = 0;  ///< while inside
  MonoTime since{};          ///< entered
  MonoTime strong{};         ///< last heard not weaker than `exit`, while inside
  std::uint16_t zone = 0;    ///< index into Settings::zones
  bool named = false;        ///< the zone's `beacons` name this identifier
  bool inside = false, dwelled = false;
  bool weak = false;              ///< inside, but weaker than `exit` since `strong`
  std::uint8_t weak_samples = 0;  ///< since `strong`, to 255
};

/// One identifier heard.
struct Entry {
  static constexpr std::size_t kMaxZones = 4;  ///< zones that take one identifier; the first of the configuration

  beacon::Identifier id;
  MonoTime first{}, heard{};
  Filter filter;
  Interval interval;
  Guard guard;
  std::int8_t measured_power = 0;  ///< dBm at 1 m; 0: unknown
  Role role = Role::shopper;
  bool known = false;    ///< a zone or a role names it; false: a stranger
  bool vouched = false;  ///< as in the newest Sighting
  bool told = false;     ///< as seen
  std::uint8_t adapter = 0;
  std::uint8_t unrated = 0;  ///< hearings without strength, to 255
  std::uint8_t zones = 0;    ///< visits in use
  std::uint8_t inside = 0;   ///< of these, under way
  std::uint32_t place = 0;   ///< in the list of who is inside, while inside > 0
  std::array<Visit, kMaxZones> visits;
  std::uint32_t older = 0, newer = 0, next = 0;  ///< the Table's own
};

/// Identifiers by name and by when they were heard, all in O(1). It grows to its limit and never beyond; what was
/// removed is used again.
class Table {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  Table(std::size_t limit, std::uint64_t seed);

  std::uint32_t find(const beacon::Identifier& id) const;
  std::uint32_t insert(const beacon::Identifier& id);  ///< must not be in, nor the table be full; becomes the newest
  void remove(std::uint32_t index);
  void touch(std::uint32_t index);  ///< becomes the newest

  Entry& operator[](std::uint32_t index) { return entries_[index]; }
  const Entry& operator[](std::uint32_t index) const { return entries_[index]; }

  std::uint32_t oldest() const { return oldest_; }
  std::size_t size() const { return size_; }
  std::size_t limit() const { return limit_; }
  void set_limit(std::size_t limit);  ///< remove what is too many first
  std::size_t memory() const;         ///< bytes

 private:
  std::size_t bucket(const beacon::Identifier& id) const;
  void link_newest(std::uint32_t index);
  void unlink(std::uint32_t index);

  std::size_t limit_;
  std::uint64_t seed_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> buckets_;  ///< heads of chains through Entry::next; a power of two
  std::uint32_t free_ = kNone;          ///< chain through Entry::next
  std::uint32_t oldest_ = kNone, newest_ = kNone;
  std::size_t size_ = 0;
};

}  // namespace foyer::presence
