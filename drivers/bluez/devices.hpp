#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "base/encoding.hpp"
#include "base/net.hpp"
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
  const Said& note(const MacAddress& address, Report& report) {
    auto& entry = *find(address);
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
  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    MacAddress address;
    Said said;
  };
  using Place = std::list<Entry>::iterator;

  Place find(const MacAddress& address) {
    if (const auto known = index_.find(address); known != index_.end()) {
      order_.splice(order_.end(), order_, known->second);
      return known->second;
    }
    if (order_.size() >= kMost) {
      index_.erase(order_.front().address);
      order_.pop_front();
    }
    order_.push_back({address, {}});
    return index_[address] = std::prev(order_.end());
  }

  std::list<Entry> order_;  ///< the least recently heard first
  std::unordered_map<MacAddress, Place> index_;
};

}  // namespace foyer::drivers::bluez
