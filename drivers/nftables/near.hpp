#pragma once

#include <istream>
#include <string>
#include <vector>

#include "base/net.hpp"

namespace foyer::drivers::nftables {

/// The global IPv6 networks that somebody else's router or DHCP server has given `interface`: what is near it is the
/// shop's own, whose devices have public addresses too. One that the operator has set up by hand is not among them. In
/// order, 8 at most. Reads the calling thread's network namespace. Any thread.
std::vector<IpPrefix> near_networks(const std::string& interface);

/// The same of such a text: /proc/net/if_inet6 (Linux, net/ipv6/addrconf.c: address, index, prefix length, scope,
/// flags, device; in hex).
std::vector<IpPrefix> near_networks(const std::string& interface, std::istream& table);

}  // namespace foyer::drivers::nftables
