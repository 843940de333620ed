#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>

#include "base/time.hpp"

namespace foyer::app {

/// How often each name did something in the last minute. Core thread.
class Rates {
 public:
  /// Names remembered at once; the one that was quiet longest goes first.
  static constexpr std::size_t kMost = 10'000;

  /// Counts one more and says whether it is among the first `limit` of the last minute. What is refused is not counted,
  /// so that a phone that keeps asking is let through again a minute after its last success.
  bool allow(const std::string& name, std::size_t limit, MonoTime now) {
    auto& times = touch(name);
    while (!times.empty() && now - times.front() >= std::chrono::minutes{1}) times.pop_front();
    if (times.size() >= limit) return false;
    times.push_back(now);
    return true;
  }
  std::size_t size() const { return by_name_.size(); }

 private:
  struct Entry {
    std::deque<MonoTime> times;
    std::list<std::string>::iterator place;
  };

  std::deque<MonoTime>& touch(const std::string& name) {
    auto it = by_name_.find(name);
    if (it == by_name_.end()) {
      if (by_name_.size() >= kMost) {
        by_name_.erase(order_.back());
        order_.pop_back();
      }
      order_.push_front(name);
      it = by_name_.emplace(name, Entry{{}, order_.begin()}).first;
    } else {
      order_.splice(order_.begin(), order_, it->second.place);
    }
    return it->second.times;
  }

  std::list<std::string> order_;  // most recent first
  std::unordered_map<std::string, Entry> by_name_;
};

}  // namespace foyer::app
