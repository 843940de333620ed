#include <algorithm>
#include <cctype>

#include "drivers/nftables/kernel/table.hpp"
#include "embedded/ruleset.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

/// A name goes into rules between quotes: letters that mean nothing there, and no wildcard.
bool is_interface(const std::string& name) {
  const auto harmless = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= 15 && std::ranges::all_of(name, harmless);
}

}  // namespace

Result<std::string> rules(const ports::GatePolicy& policy) {
  if (!is_interface(policy.interface) || (!policy.uplink.empty() && !is_interface(policy.uplink)))
    return fail(Code::refuse, "'{}' or '{}' is no interface's name: 1 to 15 of letters, digits, '.', '_' and '-'",
                policy.interface, policy.uplink);
  if (policy.uplink == policy.interface) return fail(Code::refuse, "the uplink cannot be the guests' interface");
  if (policy.http_port == 0) return fail(Code::refuse, "the portal's http port is missing: 1 to 65535");
  const bool tls = policy.https_port != 0;
  const std::string listening =
      fmt::format("{}{}", policy.http_port, tls ? fmt::format(", {}", policy.https_port) : "");
  // Nothing is ever forwarded to lo: without an uplink there is no way out.
  std::string text = fmt::format(
      "define guest = \"{}\"\ndefine uplink = \"{}\"\ndefine network = {}\ndefine http = {}\n"
      "define https = {}\ndefine secure = {}\ndefine asked = {{ 80, {}{} }}\n",
      policy.interface, policy.uplink.empty() ? "lo" : policy.uplink, to_string(policy.address), policy.http_port,
      tls ? policy.https_port : 443, tls ? policy.https_port : policy.http_port, listening, tls ? ", 443" : "");
  text += embedded::ruleset.front().content;
  if (!policy.lan_access) text += "add rule inet foyer private goto no_lan\n";
  for (const auto& network : policy.near)
    text += fmt::format("add rule inet foyer no_lan ip6 daddr {} goto refuse\n", to_string(network));
  for (const auto& mac : policy.blocked)
    text += fmt::format("add element inet foyer blocked {{ {} }}\n", to_string(mac));
  // What is not limited any more is not limited from now on, for those who are in too.
  for (const auto& [map, limit] : {std::pair{"quota", policy.quota}, {"up", policy.up_bps}, {"fall", policy.down_bps}})
    if (limit == 0) text += fmt::format("flush map inet foyer {0}4\nflush map inet foyer {0}6\n", map);
  return text;
}

}  // namespace foyer::drivers::nftables::kernel
