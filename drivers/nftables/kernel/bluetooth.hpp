#pragma once

#include <atomic>
#include <memory>

#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables::kernel {

/// What the radio needs foyer-gate for. The tap is the Bluetooth monitor channel: the kernel takes no writing on it,
/// and a filter that is locked on it before it is handed out passes advertising reports alone, never keys or anybody's
/// data. It wants CAP_NET_RAW (docs/adr/0007-bluetooth-tap.md); reset wants CAP_NET_ADMIN and /dev/rfkill.
class Bluetooth {
 public:
  /// Answers on `peer` the packet whose beginning `request` is. False: this connection is over.
  bool serve(int peer, const wire::Request& request);

 private:
  /// Opening a dead controller takes the kernel ten seconds, which no guest is to wait: a thread does it, one at a
  /// time.
  std::shared_ptr<std::atomic<bool>> resetting_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace foyer::drivers::nftables::kernel
