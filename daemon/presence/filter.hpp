#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace foyer::presence {

/// Smooths signal strength: a median of the last five against reflections, then an exponential average against noise.
class Filter {
 public:
  void add(std::int8_t rssi) {
    recent_[next_] = rssi;
    next_ = static_cast<std::uint8_t>((next_ + 1) % recent_.size());
    if (count_ < 255) ++count_;
    const float median = this->median();
    // The first samples weigh alike, or one chance value would linger.
    const float weight = std::max(kWeight, 1.0f / static_cast<float>(count_));
    value_ += weight * (median - value_);
  }
  void reset() { *this = Filter{}; }
  unsigned samples() const { return count_; }  ///< at most 255
  float value() const { return value_; }       ///< dBm; only with samples

 private:
  static constexpr float kWeight = 0.3f;

  /// Of an even number the weaker middle one: a doubt does not let in.
  float median() const {
    auto sorted = recent_;
    const auto n = std::min<std::size_t>(count_, sorted.size());
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n));
    return sorted[(n - 1) / 2];
  }

  std::array<std::int8_t, 5> recent_{};
  std::uint8_t next_ = 0, count_ = 0;
  float value_ = 0;
};

}  // namespace foyer::presence
