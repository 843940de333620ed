#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"

namespace foyer::ports {

/// What the kernel is to enforce between the guests and everything else.
struct GatePolicy {
  std::string interface;  ///< the guests' side, wlan0
  std::string uplink;     ///< the way out, eth0; empty: there is none
  IpPrefix address;       ///< the box on the guests' side and their network
  std::uint16_t http_port = 8080;
  std::uint16_t https_port = 0;  ///< 0: no TLS
  bool lan_access = false;       ///< admitted guests reach private ranges behind the uplink
  bool operator==(const GatePolicy&) const = default;
};

struct GuestKey {
  MacAddress mac;
  IpAddress ip;  ///< IPv4, or an IPv6 address of the same MAC
  auto operator<=>(const GuestKey&) const = default;
};

struct Guest {
  GuestKey key;
  std::chrono::seconds left{0};
  std::uint64_t bytes_up = 0;  ///< sent by the guest since admission
  std::uint64_t bytes_down = 0;
};

/// Opens and shuts the way out for one guest. Core thread only. Every call answers within 250 ms: a gate that does not
/// fails with Code::retry, and so does every later call until it is back.
class Gate {
 public:
  virtual ~Gate() = default;
  /// Lays the rules, or adopts a living table: guests already in stay in. Call again to change the policy.
  virtual Result<void> setup(const GatePolicy& policy) = 0;
  /// Opens for `ttl`, or sets what is left of an open one to `ttl`; counters go on.
  virtual Result<void> admit(const GuestKey& guest, std::chrono::seconds ttl) = 0;
  /// Shuts at once, also flows that are under way. Removing one who is not in succeeds.
  virtual Result<void> remove(const GuestKey& guest) = 0;
  /// Everyone who is in, with counters.
  virtual Result<std::vector<Guest>> guests() = 0;
  /// Called on the core thread when a lost gate is back and set up again (reconcile then). One listener.
  virtual void on_back(std::function<void()> fn) = 0;
};

}  // namespace foyer::ports
