#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.hpp"
#include "drivers/bluez/bluez.hpp"

namespace foyer::drivers::bluez {

/// When to try again: doubles from Pace::first_retry to Pace::longest_retry. No jitter: bluetoothd is ours alone.
class Backoff {
 public:
  explicit Backoff(const Pace& pace) : pace_(pace), next_(pace.first_retry) {}
  void fail(MonoTime now) {
    due_ = now + next_;
    next_ = std::min(next_ * 2, pace_.longest_retry);
  }
  void succeed() {
    due_ = {};
    next_ = pace_.first_retry;
  }
  MonoTime due() const { return due_; }

 private:
  Pace pace_;
  std::chrono::milliseconds next_;
  MonoTime due_{};
};

}  // namespace foyer::drivers::bluez
