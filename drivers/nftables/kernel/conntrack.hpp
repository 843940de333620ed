#pragma once

#include <set>
#include <thread>

#include "base/mailbox.hpp"
#include "base/net.hpp"

namespace foyer::drivers::nftables::kernel {

/// Forgets flows the kernel keeps track of, so that what they were allowed ends with the allowance. Whoever is removed
/// is shut already, as every packet is looked up: this is housekeeping. The kernel walks its whole table for it, about
/// 10 ms for 262,144 buckets, so it has a thread of its own and nobody waits; those removed meanwhile share the next
/// walk.
class Conntrack {
 public:
  Conntrack();
  ~Conntrack();

  /// Every flow this address began, but its connections to the portal's ports: their last answer is still to be
  /// delivered. With 1,024 addresses waiting the newest are left to the kernel's time-outs. Any thread.
  void forget(const IpAddress& ip, std::uint16_t http_port, std::uint16_t https_port);

 private:
  std::set<IpAddress> ips_;  // of the thread alone
  std::uint16_t http_port_ = 0, https_port_ = 0;
  Mailbox box_{1024};
  std::jthread thread_;
};

}  // namespace foyer::drivers::nftables::kernel
