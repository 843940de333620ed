#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "ports/timers.hpp"

namespace foyer::ports {

/// Lets a driver put its descriptors on the core loop. Core thread only.
class Poller {
 public:
  virtual ~Poller() = default;
  /// Calls fn(revents) whenever one of `events` (poll(2): POLLIN, POLLOUT) is ready on `fd`; level-triggered; POLLERR
  /// and POLLHUP are always reported. The descriptor stays the caller's and must outlive the handle.
  [[nodiscard]] virtual std::unique_ptr<Handle> watch(int fd, std::uint32_t events,
                                                      std::function<void(std::uint32_t)> fn) = 0;
};

}  // namespace foyer::ports
