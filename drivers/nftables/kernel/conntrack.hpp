#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "base/net.hpp"
#include "base/result.hpp"

struct mnl_socket;

namespace foyer::drivers::nftables::kernel {

/// Forgets flows the kernel keeps track of, so that what they were allowed ends with the allowance. One thread.
class Conntrack {
 public:
  static Result<Conntrack> open();

  /// Every flow these addresses began, but their connections to the portal: their last answer is still to be delivered.
  /// The kernel walks its whole table, about 10 ms for 262,144 buckets: call it for many at once.
  Result<void> forget_flows(const std::set<IpAddress>& ips, std::uint16_t http_port, std::uint16_t https_port);

 private:
  struct Deleter {
    void operator()(mnl_socket* socket) const;
  };
  Conntrack() = default;
  std::unique_ptr<mnl_socket, Deleter> netlink_;
  std::uint32_t sequence_ = 0;
};

}  // namespace foyer::drivers::nftables::kernel
