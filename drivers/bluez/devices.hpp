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

  /// Notes what a report says anew and returns all that is known.
  const Said& note(const MacAddress& address, Report& report, MonoTime now) {
    auto& entry = *find(address);
    count(entry, now);
    if (report.has_manufacturer) entry.said.manufacturer.swap(report.manufacturer);
    if (report.has_service) entry.said.service.swap(report.service);
    return entry.said;
  }

  void forget(const MacAddress& address) {
    const auto known = index_.find(address);
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

 private:
  struct Entry {
    MacAddress address;
    Said said;
    MonoTime last{};
    float interval = 0;  ///< seconds; 0: not learned yet
  };
  using Place = std::list<Entry>::iterator;

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

  Place find(const MacAddress& address) {
    if (const auto known = index_.find(address); known != index_.end()) {
      order_.splice(order_.end(), order_, known->second);
      return known->second;
    }
    if (order_.size() >= kMost) {
      index_.erase(order_.front().address);
      order_.pop_front();
    }
    order_.push_back({address, {}, {}, 0});
    return index_[address] = std::prev(order_.end());
  }

  std::uint64_t coalesced_ = 0;
  std::list<Entry> order_;  ///< the least recently heard first
  std::unordered_map<MacAddress, Place> index_;
};

}  // namespace foyer::drivers::bluez
