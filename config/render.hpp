#pragma once

#include <string>

#include "base/result.hpp"
#include "config/config.hpp"

namespace foyer::config {

/// The configuration of a neighbour as foyer.yaml implies it: `hostapd` (hostapd.conf(5)) or `dnsmasq` (dnsmasq(8)), so
/// that names, addresses and security are written down once. Reads the Wi-Fi password's file where there is one.
/// Code::refuse: another neighbour, or a configuration without guests' Wi-Fi.
Result<std::string> render(const std::string& what, const Config& config);

}  // namespace foyer::config
