#include "drivers/nftables/ruleset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "drivers/nftables/wire.hpp"
#include "embedded/ruleset.hpp"

namespace foyer::drivers::nftables {
namespace {

/// A name goes into rules between quotes: letters that mean nothing there, and no wildcard.
bool is_interface(std::string_view name) {
  return !name.empty() && name.size() <= 15 && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

Result<void> check(const ports::GatePolicy& policy) {
  constexpr const char* kNames = "1 to 15 of letters, digits, '.', '_' and '-'";
  if (!is_interface(policy.interface))
    return fail(Code::refuse, "'{}' is not the name of an interface: {}", policy.interface, kNames);
  if (!policy.uplink.empty() && !is_interface(policy.uplink))
    return fail(Code::refuse, "uplink '{}' is not the name of an interface: {}", policy.uplink, kNames);
  if (policy.uplink == policy.interface)
    return fail(Code::refuse, "the uplink cannot be the guests' interface {}", policy.interface);
  if (policy.http_port == 0) return fail(Code::refuse, "the portal's http port is missing: 1 to 65535");
  if (policy.blocked.size() > wire::kMaxBlocked)
    return fail(Code::refuse, "{} devices are blocked: at most {}", policy.blocked.size(), wire::kMaxBlocked);
  return {};
}

constexpr const char* kPrivate = R"(
add rule inet foyer private ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16 } goto refuse
add rule inet foyer private ip6 daddr { fc00::/7, fe80::/10 } goto refuse
)";

}  // namespace

Result<std::string> ruleset(const ports::GatePolicy& policy) {
  if (auto good = check(policy); !good) return fail(good);
  std::string listening = std::to_string(policy.http_port);
  if (policy.https_port != 0) listening += fmt::format(", {}", policy.https_port);
  // Nothing is ever forwarded to lo: without an uplink there is no way out.
  std::string text = fmt::format(
      "define guest = \"{}\"\ndefine uplink = \"{}\"\ndefine http = {}\ndefine listening = {{ {} }}\n"
      "define asked = {{ 80, {}{} }}\n",
      policy.interface, policy.uplink.empty() ? "lo" : policy.uplink, policy.http_port, listening, listening,
      policy.https_port != 0 ? ", 443" : "");
  text += embedded::ruleset.front().content;
  if (policy.https_port != 0)
    text += fmt::format("add rule inet foyer prerouting fib daddr type local tcp dport 443 redirect to :{}\n",
                        policy.https_port);
  if (!policy.lan_access) text += kPrivate;
  for (const auto& mac : policy.blocked)
    text += fmt::format("add element inet foyer blocked {{ {} }}\n", to_string(mac));
  // What is not limited any more is not limited from now on, for those who are in too.
  for (const auto& [map, limit] : {std::pair{"quota", policy.quota}, {"up", policy.up_bps}, {"fall", policy.down_bps}})
    if (limit == 0) text += fmt::format("flush map inet foyer {0}4\nflush map inet foyer {0}6\n", map);
  return text;
}

}  // namespace foyer::drivers::nftables
