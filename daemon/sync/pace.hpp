#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "base/time.hpp"

namespace foyer::sync {

/// How much of a backlog may be on its way at once, so that what happens now need not wait behind it in the line's
/// buffers. Judged by how much longer than the quickest answer of this connection a PUBACK took: one more batch while
/// the line keeps up, half as many when it does not (at most once a round), and smaller batches when one alone is too
/// many.
class Pace {
 public:
  static constexpr std::chrono::milliseconds kQuick{250};  ///< later than the quickest by no more than this: keeps up
  static constexpr std::chrono::milliseconds kSlow{750};   ///< later by more: it does not
  static constexpr std::size_t kSmallest = 4 * 1024;       ///< bytes of a batch

  /// A new connection. Only the size of a batch is as it was on the last one: where it had to become small it grows
  /// again in a few answers if the line has become better.
  void restart(std::size_t window, std::size_t most, std::size_t bytes) {
    window_ = std::clamp<std::size_t>(window, 1, most);
    most_ = most;
    bytes_ = most_bytes_ == 0 ? bytes : std::min(bytes_, bytes);
    most_bytes_ = bytes;
    quickest_.reset();
    cut_at_.reset();
  }
  /// Nothing was answered for so long that the connection was given up: one batch may have been too much for the line.
  void timed_out() { bytes_ = std::min(kSmallest, most_bytes_); }
  void answered(MonoTime sent_at, MonoTime now) {
    const auto took = now - sent_at;
    quickest_ = quickest_ ? std::min(*quickest_, took) : took;
    const auto late = took - *quickest_;
    if (late <= kQuick)
      more();
    else if (late > kSlow && (!cut_at_ || sent_at >= *cut_at_))
      less(now);
  }
  std::size_t window() const { return window_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void more() {
    if (bytes_ < most_bytes_)
      bytes_ = std::min(most_bytes_, bytes_ * 2);
    else if (window_ < most_)
      ++window_;
  }
  void less(MonoTime now) {
    cut_at_ = now;
    if (window_ > 1)
      window_ /= 2;
    else
      bytes_ = std::max(std::min(kSmallest, most_bytes_), bytes_ / 2);
  }

  std::size_t window_ = 1, most_ = 1, bytes_ = kSmallest, most_bytes_ = 0;
  std::optional<MonoTime::duration> quickest_;
  std::optional<MonoTime> cut_at_;
};

}  // namespace foyer::sync
