#pragma once

#include <cstdint>
#include <functional>

#include "base/result.hpp"

namespace foyer::ports {

/// What a radio needs a privilege for; a privileged helper does it. Core thread only, nothing blocks; each callback
/// comes from the loop, exactly once, not after the object is gone.
class Bluetooth {
 public:
  virtual ~Bluetooth() = default;
  /// A descriptor on which the kernel tells every advertising report of every adapter, read-only (Bluetooth monitor
  /// channel). The receiver owns and closes it. It stays good when the helper ends.
  virtual void open_tap(std::function<void(Result<int>)> done) = 0;
  /// Unblocks Bluetooth in rfkill and resets hciN. Done when that has begun: what came of it shows at the adapter.
  virtual void reset(std::uint16_t index, std::function<void(Result<void>)> done) = 0;
};

}  // namespace foyer::ports
