#include "drivers/nftables/kernel/ruleset.hpp"

#include <algorithm>
#include <cctype>

#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

// Sets outlive a change of policy. auth holds who is in, down the same guests by address alone with the MAC as comment;
// both die with the session by the kernel's own clock. wg is the walled garden, filled by dnsmasq (nftset=). A set that
// is full takes no further element: a full life refuses new connections until old ones are 8 s old.
constexpr std::string_view kSets = R"(
add table inet foyer
add set inet foyer auth4 {{ type ether_addr . ipv4_addr; flags timeout; counter; size {max4}; }}
add set inet foyer auth6 {{ type ether_addr . ipv6_addr; flags timeout; counter; size {max6}; }}
add set inet foyer down4 {{ type ipv4_addr; flags timeout; counter; size {max4}; }}
add set inet foyer down6 {{ type ipv6_addr; flags timeout; counter; size {max6}; }}
add set inet foyer wg4 {{ type ipv4_addr; flags timeout; timeout 6h; size 1024; }}
add set inet foyer wg6 {{ type ipv6_addr; flags timeout; timeout 6h; size 1024; }}
add chain inet foyer prerouting {{ type nat hook prerouting priority dstnat; policy accept; }}
add chain inet foyer postrouting {{ type nat hook postrouting priority srcnat; policy accept; }}
add chain inet foyer early {{ type filter hook prerouting priority mangle; policy accept; }}
add chain inet foyer forward {{ type filter hook forward priority filter; policy accept; }}
add chain inet foyer input {{ type filter hook input priority filter; policy accept; }}
add chain inet foyer portal
add chain inet foyer fence
add chain inet foyer captive
add chain inet foyer from_guest
add chain inet foyer to_guest
add chain inet foyer box
add chain inet foyer refuse
flush chain inet foyer prerouting
flush chain inet foyer postrouting
flush chain inet foyer forward
flush chain inet foyer input
flush chain inet foyer early
flush chain inet foyer portal
flush chain inet foyer fence
flush chain inet foyer captive
flush chain inet foyer from_guest
flush chain inet foyer to_guest
flush chain inet foyer box
flush chain inet foyer refuse
add rule inet foyer refuse meta l4proto tcp reject with tcp reset
add rule inet foyer refuse reject with icmpx type admin-prohibited
)";

// The fence, once a family. A connection lives while its pair is in life; an unexpected packet is answered with a reset
// and, the first time for its pair (cut), counted against its source. Sources cut too often are out for a minute.
constexpr std::string_view kFence = R"(
add set inet foyer fence_count{n} {{ type {type}; flags dynamic; size 8192; }}
add set inet foyer fence_life{n} {{ type {type} . inet_service; flags dynamic,timeout; timeout 8s; size 65536; }}
add set inet foyer fence_cut{n} {{ type {type} . inet_service; flags dynamic,timeout; timeout 10s; size 65536; }}
add set inet foyer fence_often{n} {{ type {type}; flags dynamic,timeout; timeout 1m; size 8192; }}
add set inet foyer fence_out{n} {{ type {type}; flags dynamic,timeout; timeout 1m; size 8192; }}
add chain inet foyer fence{n}
add chain inet foyer cut{n}
flush chain inet foyer fence{n}
flush chain inet foyer cut{n}
add rule inet foyer fence{n} {ip} saddr @fence_out{n} goto refuse
add rule inet foyer fence{n} ct state invalid goto refuse
add rule inet foyer fence{n} ct state new add @fence_count{n} {{ {ip} saddr ct count over 8 }} goto refuse
add rule inet foyer fence{n} ct state new delete @fence_cut{n} {{ {ip} saddr . tcp sport }}
add rule inet foyer fence{n} ct state new update @fence_life{n} {{ {ip} saddr . tcp sport }} accept
add rule inet foyer fence{n} ct state new goto refuse
add rule inet foyer fence{n} {ip} saddr . tcp sport @fence_cut{n} goto refuse
add rule inet foyer fence{n} ct original bytes > 65536 goto cut{n}
add rule inet foyer fence{n} {ip} saddr . tcp sport @fence_life{n} accept
add rule inet foyer fence{n} goto cut{n}
add rule inet foyer cut{n} add @fence_cut{n} {{ {ip} saddr . tcp sport }} add @fence_often{n} {{ {ip} saddr limit rate over 5/minute burst 5 packets }} add @fence_out{n} {{ {ip} saddr }}
add rule inet foyer cut{n} goto refuse
)";

// What is meant for the portal, before addresses are rewritten: only here does a reset carry the address and the port
// the phone spoke to. A new flow of a stranger to port 80 or 53 is marked (0xf07e) and redirected by the mark; once its
// guest is in, it is reset, so that the next try gets through. A guest's first packet to 80 or 53 is counted twice.
constexpr std::string_view kPortal = R"(
add rule inet foyer early iifname "{guest}" jump portal
add rule inet foyer portal fib daddr type local tcp dport {asked} goto fence
add rule inet foyer portal ct state new meta l4proto {{ tcp, udp }} th dport {{ 53, 80 }} jump captive
add rule inet foyer portal ct mark != 0xf07e return
add rule inet foyer portal tcp dport != 80 return
add rule inet foyer portal meta l4proto != tcp return
add rule inet foyer portal ct state != new ether saddr . ip saddr @auth4 goto refuse
add rule inet foyer portal ct state != new ether saddr . ip6 saddr @auth6 goto refuse
add rule inet foyer portal goto fence
add rule inet foyer captive ether saddr . ip saddr @auth4 return
add rule inet foyer captive ether saddr . ip6 saddr @auth6 return
add rule inet foyer captive ct mark set 0xf07e
add rule inet foyer fence meta nfproto ipv4 goto fence4
add rule inet foyer fence meta nfproto ipv6 goto fence6
add rule inet foyer prerouting iifname != "{guest}" accept
add rule inet foyer prerouting fib daddr type local tcp dport 80 redirect to :{http}
add rule inet foyer prerouting ct mark 0xf07e tcp dport 80 redirect to :{http}
add rule inet foyer prerouting ct mark 0xf07e tcp dport 53 redirect to :53
add rule inet foyer prerouting ct mark 0xf07e udp dport 53 redirect to :53
)";

// Neighbour discovery and multicast listening must pass or IPv6 is gone; what else guests may ask of the box.
constexpr std::string_view kBox = R"(
add rule inet foyer input iifname "{guest}" jump box
add rule inet foyer box icmpv6 type {{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }} accept
add rule inet foyer box tcp dport {listening} accept
add rule inet foyer box ct state established,related ct direction reply accept
add rule inet foyer box meta l4proto {{ icmp, icmpv6 }} ct state related accept
add rule inet foyer box udp dport {{ 53, 67, 123, 547 }} accept
add rule inet foyer box tcp dport 53 accept
add rule inet foyer box icmp type echo-request ether saddr . ip saddr @auth4 accept
add rule inet foyer box icmpv6 type echo-request ether saddr . ip6 saddr @auth6 accept
add rule inet foyer box goto refuse
)";

constexpr std::string_view kWay = R"(
add rule inet foyer postrouting iifname "{guest}" oifname "{uplink}" masquerade
add rule inet foyer from_guest oifname != "{uplink}" goto refuse
{private_ranges}
add rule inet foyer from_guest ether saddr . ip saddr @auth4 accept
add rule inet foyer from_guest ether saddr . ip6 saddr @auth6 accept
add rule inet foyer from_guest meta l4proto {{ tcp, udp }} th dport 443 ip daddr @wg4 accept
add rule inet foyer from_guest meta l4proto {{ tcp, udp }} th dport 443 ip6 daddr @wg6 accept
add rule inet foyer to_guest iifname != "{uplink}" goto refuse
add rule inet foyer to_guest ct state != {{ established, related }} goto refuse
add rule inet foyer to_guest ip daddr @down4 accept
add rule inet foyer to_guest ip6 daddr @down6 accept
add rule inet foyer to_guest ip saddr @wg4 accept
add rule inet foyer to_guest ip6 saddr @wg6 accept
)";

constexpr const char* kPrivate = R"(
add rule inet foyer from_guest ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16 } goto refuse
add rule inet foyer from_guest ip6 daddr { fc00::/7, fe80::/10 } goto refuse)";

/// A name goes into rules between quotes: letters that mean nothing there, and no wildcard.
bool is_interface(std::string_view name) {
  return !name.empty() && name.size() <= 15 && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

Result<std::string> ruleset(const ports::GatePolicy& policy) {
  constexpr const char* kNames = "1 to 15 of letters, digits, '.', '_' and '-'";
  if (!is_interface(policy.interface))
    return fail(Code::refuse, "'{}' is not the name of an interface: {}", policy.interface, kNames);
  if (!policy.uplink.empty() && !is_interface(policy.uplink))
    return fail(Code::refuse, "uplink '{}' is not the name of an interface: {}", policy.uplink, kNames);
  if (policy.uplink == policy.interface)
    return fail(Code::refuse, "the uplink cannot be the guests' interface {}", policy.interface);
  if (policy.http_port == 0) return fail(Code::refuse, "the portal's http port is missing: 1 to 65535");

  using fmt::arg;
  std::string text = fmt::format(kSets, arg("max4", wire::kMaxGuests4), arg("max6", wire::kMaxGuests6));
  text += fmt::format(kFence, arg("n", 4), arg("ip", "ip"), arg("type", "ipv4_addr"));
  text += fmt::format(kFence, arg("n", 6), arg("ip", "ip6"), arg("type", "ipv6_addr"));

  std::string asked = fmt::format("80, {}", policy.http_port), listening = std::to_string(policy.http_port);
  if (policy.https_port != 0) {
    asked += fmt::format(", 443, {}", policy.https_port);
    listening += fmt::format(", {}", policy.https_port);
  }
  text += fmt::format(kPortal, arg("guest", policy.interface), arg("asked", "{ " + asked + " }"),
                      arg("http", policy.http_port));
  if (policy.https_port != 0)
    text += fmt::format("add rule inet foyer prerouting fib daddr type local tcp dport 443 redirect to :{}\n",
                        policy.https_port);
  text += fmt::format(kBox, arg("guest", policy.interface), arg("listening", "{ " + listening + " }"));
  text += fmt::format(
      "add rule inet foyer forward iifname \"{0}\" jump from_guest\n"
      "add rule inet foyer forward oifname \"{0}\" jump to_guest\n",
      policy.interface);
  if (!policy.uplink.empty())
    text += fmt::format(kWay, arg("guest", policy.interface), arg("uplink", policy.uplink),
                        arg("private_ranges", policy.lan_access ? "" : kPrivate));
  return text + "add rule inet foyer from_guest goto refuse\nadd rule inet foyer to_guest goto refuse\n";
}

std::string removal() { return "add table inet foyer\ndelete table inet foyer\n"; }

}  // namespace foyer::drivers::nftables::kernel
