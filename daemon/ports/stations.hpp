#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"

namespace foyer::ports {

/// A device on the guests' side. Personal data: memory only.
struct Station {
  MacAddress mac;
  std::vector<IpAddress> ips;             ///< as the kernel's neighbour table shows them
  bool associated = false;                ///< on the Wi-Fi now; without hostapd: reachable as a neighbour
  std::optional<std::int8_t> signal_dbm;  ///< only hostapd knows
  /// What the device said of its radio when it associated: the same device says the same. Empty: only hostapd knows.
  std::string fingerprint{};
};

class StationEvents {
 public:
  virtual ~StationEvents() = default;
  /// Something of this device changed: an address came, it associated or left. Core thread.
  virtual void on_station(const Station& station) = 0;
};

/// Who is on the guests' side. Core thread only.
class Stations {
 public:
  virtual ~Stations() = default;
  virtual Result<void> start(StationEvents& events) = 0;
  /// Whose address this is. Code::refuse: no device on the guests' side has it.
  virtual Result<Station> find(const IpAddress& ip) = 0;
  virtual std::vector<Station> all() = 0;
  /// Throws the device off the Wi-Fi (it may come back). Without hostapd: Code::degrade.
  virtual Result<void> deauthenticate(const MacAddress& mac) = 0;
};

}  // namespace foyer::ports
