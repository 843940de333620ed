#pragma once

#include <algorithm>
#include <chrono>
#include <list>
#include <string>
#include <unordered_map>

#include "base/time.hpp"

namespace foyer::app {

/// Slows down who guesses typed codes: every five wrong ones in a row a device waits, first a minute, then twice as
/// long each time, sixteen minutes at most. All devices together may be wrong 120 times a minute: with 40 bits a code
/// and 100,000 codes kept, one would be hit in about two months of that. Core thread.
class Guesses {
 public:
  static constexpr std::size_t kMost = 10'000;  ///< devices remembered; the one that was wrong longest ago goes first
  static constexpr int kInARow = 5;
  static constexpr int kInAll = 120;

  bool may(const std::string& device, MonoTime now) {
    if (now - minute_ < std::chrono::minutes{1} && wrong_in_all_ >= kInAll) return false;
    const auto it = by_device_.find(device);
    return it == by_device_.end() || now >= it->second.until;
  }

  void tell(const std::string& device, bool right, MonoTime now) {
    if (right) return forget(device);
    if (now - minute_ >= std::chrono::minutes{1}) {
      minute_ = now;
      wrong_in_all_ = 0;
    }
    ++wrong_in_all_;
    auto& entry = touch(device);
    if (++entry.wrong % kInARow != 0) return;
    const int doublings = std::min(entry.wrong / kInARow - 1, 4);
    entry.until = now + std::chrono::minutes{1 << doublings};
  }

  std::size_t size() const { return by_device_.size(); }

 private:
  struct Entry {
    int wrong = 0;
    MonoTime until{};
    std::list<std::string>::iterator place;
  };

  void forget(const std::string& device) {
    const auto it = by_device_.find(device);
    if (it == by_device_.end()) return;
    order_.erase(it->second.place);
    by_device_.erase(it);
  }

  Entry& touch(const std::string& device) {
    if (const auto it = by_device_.find(device); it != by_device_.end()) {
      order_.splice(order_.begin(), order_, it->second.place);
      return it->second;
    }
    if (by_device_.size() >= kMost) {
      by_device_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(device);
    return by_device_.emplace(device, Entry{0, MonoTime{}, order_.begin()}).first->second;
  }

  std::list<std::string> order_;  // wrong most recently first
  std::unordered_map<std::string, Entry> by_device_;
  MonoTime minute_{};
  int wrong_in_all_ = 0;
};

}  // namespace foyer::app
