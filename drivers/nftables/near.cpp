#include "drivers/nftables/near.hpp"

#include <linux/if_addr.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "base/encoding.hpp"
#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables {
namespace {

unsigned from_hexadecimal(const std::string& text) {
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

IpPrefix network_of(const Bytes& address, unsigned length) {
  IpPrefix network{{IpAddress::Family::v6, {}}, static_cast<std::uint8_t>(length)};
  for (unsigned bit = 0; bit < length; ++bit)
    network.address.bytes[bit / 8] |= static_cast<std::uint8_t>(address[bit / 8] & (0x80 >> bit % 8));
  return network;
}

}  // namespace

std::vector<IpPrefix> near_networks(const std::string& interface, std::istream& table) {
  constexpr unsigned kGlobal = 0, kLongest = 127;  // a /128 says nothing of its neighbours
  std::vector<IpPrefix> networks;
  std::string address, index, length, scope, flags, device;
  while (table >> address >> index >> length >> scope >> flags >> device) {
    const auto bytes = from_hex(address);
    const unsigned bits = from_hexadecimal(length);
    const bool given = (from_hexadecimal(flags) & IFA_F_PERMANENT) == 0;
    if (device != interface || !given || from_hexadecimal(scope) != kGlobal || !bytes || bytes->size() != 16 ||
        bits == 0 || bits > kLongest)
      continue;
    networks.push_back(network_of(*bytes, bits));
  }
  std::ranges::sort(networks);
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
  networks.resize(std::min(networks.size(), wire::kMaxNear));
  return networks;
}

std::vector<IpPrefix> near_networks(const std::string& interface) {
  std::ifstream table("/proc/thread-self/net/if_inet6");  // is not there without IPv6
  return near_networks(interface, table);
}

}  // namespace foyer::drivers::nftables
