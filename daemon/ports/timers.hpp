#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace foyer::ports {

/// Cancels its timer or its watch when it is destroyed.
class Handle {
 public:
  virtual ~Handle() = default;
};
using TimerHandle = std::unique_ptr<Handle>;

/// Calls back on the core loop. Core thread only. A handle may be destroyed in its own callback.
class Timers {
 public:
  virtual ~Timers() = default;
  [[nodiscard]] virtual TimerHandle after(std::chrono::milliseconds delay, std::function<void()> fn) = 0;
  [[nodiscard]] virtual TimerHandle every(std::chrono::milliseconds period, std::function<void()> fn) = 0;
};

}  // namespace foyer::ports
