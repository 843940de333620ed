#pragma once

#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"

namespace foyer::config {

/// The configuration of a neighbour as foyer.yaml implies it, so that names, addresses and security are written down
/// once: `hostapd` (hostapd.conf(5)), `dnsmasq` (dnsmasq(8)), `bluetooth` (bluetoothd's main.conf) or `nftables` (the
/// box's own firewall, nft(8), beside the table that foyer-gate keeps). Reads the Wi-Fi password's and the
/// certificate's files where there are any. DHCP option 114 (RFC 8910) is there only while phones will accept the
/// certificate: `now` and `build_date` judge it. Code::refuse: another neighbour, or a configuration without guests'
/// Wi-Fi.
Result<std::string> render(const std::string& what, const Config& config, WallTime now, WallTime build_date);

}  // namespace foyer::config
