#include <unistd.h>

#include <fstream>

#include "drivers/nftables/kernel/server.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

std::string read_value(const std::string& path) {
  std::string value;
  std::getline(std::ifstream(path) >> std::ws, value);
  return value;
}

/// What is left to be done by hand; empty when the value is right.
std::string ensure(const std::string& key, const std::string& value) {
  std::string path = "/proc/sys/" + key;
  if (read_value(path) == value) return {};
  std::ofstream(path) << value << std::flush;
  if (read_value(path) == value) return {};
  return fmt::format("cannot write {}: run `sysctl -w {}={}` as root. ", path, key, value);
}

}  // namespace

Result<void> switch_on_forwarding(const ports::GatePolicy& policy) {
  std::string missing = ensure("net/netfilter/nf_conntrack_acct", "1");
  if (!policy.uplink.empty()) {
    missing += ensure("net/ipv4/ip_forward", "1");
    // A guest told by ICMP to reach another guest directly would wait for an answer instead of being refused.
    missing += ensure("net/ipv4/conf/all/send_redirects", "0");
    missing += ensure("net/ipv4/conf/" + policy.interface + "/send_redirects", "0");
    const std::string v6 = "net/ipv6/conf/";
    if (::access(("/proc/sys/" + v6 + "all/forwarding").c_str(), F_OK) == 0) {
      // A box that forwards stops listening to router advertisements unless told otherwise: it would lose its own IPv6.
      const std::string accept = v6 + policy.uplink + "/accept_ra";
      if (read_value("/proc/sys/" + accept) == "1") missing += ensure(accept, "2");
      missing += ensure(v6 + "all/forwarding", "1");
    }
  }
  if (missing.empty()) return {};
  missing.pop_back();
  return fail(Code::degrade, "{}", missing);
}

}  // namespace foyer::drivers::nftables::kernel
