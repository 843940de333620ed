#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/crypto.hpp"

namespace foyer::drivers::mosquitto {

/// Full jitter: the pause before attempt n is uniform between 0 and min(max, min·2ⁿ), so that a fleet that lost its
/// broker at one moment does not come back at one moment.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds min, std::chrono::milliseconds max, Random random)
      : min_(std::max(min, std::chrono::milliseconds{1})), max_(std::max(max, min_)), random_(std::move(random)) {}

  std::chrono::milliseconds next() {
    const auto pause = random_below(random_, static_cast<std::uint64_t>(limit_.count()) + 1);
    limit_ = std::min(max_, limit_ * 2);
    return std::chrono::milliseconds{static_cast<std::int64_t>(pause)};
  }
  void reset() { limit_ = min_; }

 private:
  const std::chrono::milliseconds min_, max_;
  std::chrono::milliseconds limit_ = min_;
  Random random_;
};

}  // namespace foyer::drivers::mosquitto
