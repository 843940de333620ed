#include <fmt/format.h>

#include <fstream>

#include "drivers/nftables/kernel/server.hpp"

namespace foyer::drivers::nftables::kernel {

Result<void> switch_on_forwarding(const ports::GatePolicy& policy) {
  std::string missing, value;
  const auto is = [&](const std::string& key, const char* wanted) {
    return std::getline(std::ifstream("/proc/sys/net/" + key), value) && value == wanted;
  };
  const auto ensure = [&](const std::string& key, const char* wanted) {
    if (is(key, wanted)) return;
    std::ofstream("/proc/sys/net/" + key) << wanted << std::flush;
    if (!is(key, wanted))
      missing += fmt::format("cannot write /proc/sys/net/{0}: run `sysctl -w net/{0}={1}` as root. ", key, wanted);
  };
  ensure("netfilter/nf_conntrack_acct", "1");
  if (!policy.uplink.empty()) {
    ensure("ipv4/ip_forward", "1");
    // A guest told by ICMP to reach another guest directly would wait for an answer instead of being refused.
    ensure("ipv4/conf/all/send_redirects", "0");
    ensure("ipv4/conf/" + policy.interface + "/send_redirects", "0");
    // A box that forwards stops listening to router advertisements unless told otherwise: it would lose its own IPv6.
    if (is("ipv6/conf/" + policy.uplink + "/accept_ra", "1")) ensure("ipv6/conf/" + policy.uplink + "/accept_ra", "2");
    if (is("ipv6/conf/all/forwarding", "0")) ensure("ipv6/conf/all/forwarding", "1");  // there may be no IPv6
  }
  if (missing.empty()) return {};
  return fail(Code::degrade, "{}", missing.substr(0, missing.size() - 1));
}

}  // namespace foyer::drivers::nftables::kernel
