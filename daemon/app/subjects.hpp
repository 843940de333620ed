#pragma once

#include <string>
#include <vector>

#include "app/secrets.hpp"
#include "base/net.hpp"
#include "beacon/identifier.hpp"

namespace foyer::app {

/// What the house calls a device instead of its address.
struct Names {
  std::string subject;  ///< in events and draws
  std::string device;   ///< of the MAC: per-device caps
  std::string pair;     ///< of MAC·IP: which session is whose
};

/// Pseudonyms under the current key and the one before it. A value; core thread.
class Subjects {
 public:
  explicit Subjects(const std::vector<DatedKey>& newest_first) {
    for (const auto& dated : newest_first) keys_.emplace_back(dated.key);
  }

  /// Newest first: a session made under the previous key is found by the second.
  std::vector<Names> names(const MacAddress& mac, const IpAddress& ip) const {
    std::vector<Names> all;
    Bytes both(mac.bytes.begin(), mac.bytes.end());
    both.push_back(static_cast<std::uint8_t>(ip.family));
    both.insert(both.end(), ip.bytes.begin(), ip.bytes.end());
    for (const auto& key : keys_)
      all.push_back({key.name("subject", mac.bytes), key.name("device", mac.bytes), key.name("pair", both)});
    return all;
  }

  std::string beacon(const beacon::Identifier& id) const {
    return keys_.front().name("beacon", as_bytes(to_string(id)));
  }

 private:
  std::vector<Pseudonyms> keys_;
};

}  // namespace foyer::app
