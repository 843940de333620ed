#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

#include "base/time.hpp"

namespace foyer::presence {

/// Learns how often a beacon advertises from when it was heard. A gap shorter than what was learned pulls strongly, a
/// longer one weakly: what is missed makes gaps longer, never shorter.
class Interval {
 public:
  static constexpr unsigned kLearning = 8;  ///< gaps until it counts as known

  /// Takes the time since the hearing before. How many adverts are missing in it, by what was learned.
  unsigned add(MonoTime::duration gap) {
    // Less than the shortest interval of Core 5.4 Vol 6 Part B 4.4.2.2 (20 ms): the same advert by another adapter.
    if (gap < std::chrono::milliseconds{15}) return 0;
    const float seconds = std::chrono::duration<float>(gap).count();
    const float expected = seconds_;
    if (gaps_ < UINT8_MAX) ++gaps_;
    if (gaps_ == 1) {
      seconds_ = seconds;
      return 0;
    }
    seconds_ += (seconds - seconds_) * (seconds < seconds_ ? kShorter : kLonger);
    if (gaps_ <= kLearning) return 0;
    const float intervals = std::round(seconds / expected);
    return intervals > 1 && intervals < kMostMissing ? static_cast<unsigned>(intervals) - 1 : 0;
  }
  bool known() const { return gaps_ >= kLearning; }
  std::chrono::milliseconds value() const { return std::chrono::milliseconds(std::lround(seconds_ * 1000)); }

 private:
  static constexpr float kShorter = 1.0f / 4, kLonger = 1.0f / 32;
  static constexpr float kMostMissing = 100;  // more is an absence, not loss

  float seconds_ = 0;
  std::uint8_t gaps_ = 0;
};

}  // namespace foyer::presence
