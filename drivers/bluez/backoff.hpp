#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.hpp"
#include "drivers/bluez/bluez.hpp"

namespace foyer::drivers::bluez {

/// When to try again: doubles from a first time, by default Pace::first_retry, to a longest one. No jitter: bluetoothd
/// is ours alone.
class Backoff {
 public:
  using Time = std::chrono::milliseconds;

  explicit Backoff(const Pace& pace) : Backoff(pace.first_retry, pace.longest_retry) {}
  Backoff(Time first, Time longest) : first_(first), longest_(longest), next_(first) {}
  void fail(MonoTime now) {
    due_ = now + next_;
    next_ = std::min(next_ * 2, longest_);
  }
  void succeed() {
    due_ = {};
    next_ = first_;
  }
  MonoTime due() const { return due_; }

 private:
  Time first_, longest_, next_;
  MonoTime due_{};
};

}  // namespace foyer::drivers::bluez
