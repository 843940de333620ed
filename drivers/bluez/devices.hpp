#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "base/encoding.hpp"
#include "base/net.hpp"
#include "base/time.hpp"
#include "drivers/bluez/walk.hpp"

namespace foyer::drivers::bluez {

/// What each device last said, for the reports that only bring a new signal strength. bluetoothd forgets devices it has
/// not heard for half a minute; here the least recently heard goes when there are more than kMost.
class Devices {
 public:
  static constexpr std::size_t kMost = 4096;

  struct Said {
    Bytes manufacturer, service;  ///< as AD structures
  };
  /// A device as one adapter knows it: the object of another adapter says other things, and goes at other times.
  struct Key {
    MacAddress address;
    int adapter = 0;  ///< N of hciN
    bool operator==(const Key&) const = default;
  };

  /// Notes what a report says anew and returns all that is known.
  const Said& note(const Key& key, Report& report, MonoTime now) {
    auto& entry = *find(key);
    count(entry, now);
    if (report.has_manufacturer) entry.said.manufacturer.swap(report.manufacturer);
    if (report.has_service) entry.said.service.swap(report.service);
    return entry.said;
  }

  void forget(const Key& key) {
    const auto known = index_.find(key);
    if (known == index_.end()) return;
    order_.erase(known->second);
    index_.erase(known);
  }
  void clear() {
    order_.clear();
    index_.clear();
  }
  /// Reports that senders' own intervals promised and that did not come: bluetoothd puts several of one device into one
  /// signal and says neither how many nor when, and a radio misses some. A silence of more than kMostMissed intervals
  /// is not counted: the sender was away.
  std::uint64_t coalesced() const { return coalesced_; }
  static constexpr float kMostMissed = 8;

  std::size_t size() const { return order_.size(); }
  std::uint64_t evictions() const { return evictions_; }

 private:
  struct Entry {
    Key key;
    Said said;
    MonoTime last{};
    float interval = 0;  ///< seconds; 0: not learned yet
  };
  using Place = std::list<Entry>::iterator;
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<MacAddress>{}(key.address) + static_cast<std::size_t>(key.adapter);
    }
  };

  void count(Entry& entry, MonoTime now) {
    const float gap = std::chrono::duration<float>(now - entry.last).count();
    const bool first = entry.last == MonoTime{};
    entry.last = now;
    if (first || gap <= 0) return;
    if (entry.interval <= 0 || gap < entry.interval / 2) {
      entry.interval = gap;
    } else if (gap < 1.5F * entry.interval) {
      entry.interval += (gap - entry.interval) / 8;
    } else if (const float missed = std::round(gap / entry.interval) - 1; missed <= kMostMissed) {
      coalesced_ += static_cast<std::uint64_t>(missed);
    } else {
      entry.interval += entry.interval / 8;  // never for good what one doubled report made it
    }
  }

  Place find(const Key& key) {
    if (const auto known = index_.find(key); known != index_.end()) {
      order_.splice(order_.end(), order_, known->second);
      return known->second;
    }
    if (order_.size() >= kMost) {
      ++evictions_;
      index_.erase(order_.front().key);
      order_.pop_front();
    }
    order_.push_back({key, {}, {}, 0});
    return index_[key] = std::prev(order_.end());
  }

  std::uint64_t coalesced_ = 0, evictions_ = 0;
  std::list<Entry> order_;  ///< the least recently heard first
  std::unordered_map<Key, Place, Hash> index_;
};

}  // namespace foyer::drivers::bluez
