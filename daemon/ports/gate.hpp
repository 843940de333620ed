#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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
  bool lan_access = false;       ///< admitted guests reach private ranges, and `near`, behind the uplink
  std::vector<IpPrefix> near;    ///< IPv6 networks of the uplink that are private too; where empty the gate finds them
  // For a guest and a session, all addresses of a MAC together; 0: no limit. Applies to who comes in from now on.
  std::uint64_t quota = 0;                 ///< bytes, both ways
  std::uint64_t down_bps = 0, up_bps = 0;  ///< bits a second
  std::vector<MacAddress> blocked;         ///< whatever these send is refused, also if they are in; 64 at most
  bool operator==(const GatePolicy&) const = default;
};

struct GuestKey {
  MacAddress mac;
  IpAddress ip;  ///< IPv4, or an IPv6 address of the same MAC
  auto operator<=>(const GuestKey&) const = default;
};

/// Bytes since admission.
struct Traffic {
  std::uint64_t up = 0;  ///< sent by the guest
  std::uint64_t down = 0;
  bool operator==(const Traffic&) const = default;
};

struct Guest {
  GuestKey key;
  std::chrono::seconds left{0};
  Traffic bytes;
};

struct GateState {
  std::vector<Guest> guests;                            ///< everyone who is in
  std::map<MacAddress, std::chrono::seconds> kept_out;  ///< for how much longer
  std::map<std::string, std::uint64_t> tallies;  ///< packets since the rules were first laid, by what became of them
};

/// Opens and shuts the way out for one guest. Core thread only. Every call answers within 250 ms, setup() within 2 s: a
/// gate that does not fails with Code::retry, and so does every later call until it is back.
class Gate {
 public:
  using State = std::function<void(const Result<GateState>&)>;

  virtual ~Gate() = default;
  /// Lays the rules, or adopts a living table: guests already in stay in. Call again to change the policy.
  virtual Result<void> setup(const GatePolicy& policy) = 0;
  /// Opens for `ttl`, or sets what is left of an open one to `ttl`. Counters of an open one go on; else they begin at
  /// `used`, which also counts against the quota.
  virtual Result<void> admit(const GuestKey& guest, std::chrono::seconds ttl, const Traffic& used = {}) = 0;
  /// Shuts at once, also flows that are under way; what the guest had used. Removing one who is not in succeeds.
  /// `keep_out`: from now on everything this MAC sends is refused for so long (31 days at most; a full set refuses);
  /// 0 ends that. Without it that is as it was.
  virtual Result<Traffic> remove(const GuestKey& guest, std::optional<std::chrono::seconds> keep_out = {}) = 0;
  /// Asks for everyone who is in. `then` is called on the core thread, at once or later, never after this object went.
  virtual void look(State then) = 0;
  /// Called on the core thread when a lost gate is back and set up again (reconcile then). One listener.
  virtual void on_back(std::function<void()> fn) = 0;
};

}  // namespace foyer::ports
