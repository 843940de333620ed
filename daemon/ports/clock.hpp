#pragma once

#include "base/time.hpp"

namespace foyer::ports {

/// What time it is. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime mono() const = 0;  ///< never goes back, goes on during suspend
  virtual WallTime wall() const = 0;  ///< may jump; 1970 on a box without a battery
};

}  // namespace foyer::ports
