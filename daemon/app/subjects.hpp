#pragma once

#include <algorithm>
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

/// Pseudonyms under the current key and those before it. A value; core thread. A name costs an HMAC: ask for no more
/// than is needed.
class Subjects {
 public:
  explicit Subjects(const std::vector<DatedKey>& newest_first) {
    for (const auto& dated : newest_first) keys_.emplace_back(dated.key);
  }

  /// Under the current key.
  Names names(const MacAddress& mac, const IpAddress& ip) const {
    const auto& key = keys_.front();
    return {key.name("subject", mac.bytes), key.name("device", mac.bytes), key.name("pair", both(mac, ip))};
  }

  /// The subject under every key, newest first.
  std::vector<std::string> known_as(const MacAddress& mac) const { return under_every_key("subject", mac); }
  /// The device likewise.
  std::vector<std::string> known_devices(const MacAddress& mac) const { return under_every_key("device", mac); }

  /// The first pair, newest key first, that `wanted` says yes to: a session made under an earlier key is found.
  template <class Wanted>
  bool find_pair(const MacAddress& mac, const IpAddress& ip, Wanted wanted) const {
    const auto value = both(mac, ip);
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& key) { return wanted(key.name("pair", value)); });
  }

  std::string beacon(const beacon::Identifier& id) const {
    return keys_.front().name("beacon", as_bytes(to_string(id)));
  }

 private:
  std::vector<std::string> under_every_key(std::string_view domain, const MacAddress& mac) const {
    std::vector<std::string> all;
    for (const auto& key : keys_) all.push_back(key.name(domain, mac.bytes));
    return all;
  }
  static Bytes both(const MacAddress& mac, const IpAddress& ip) {
    Bytes both(mac.bytes.begin(), mac.bytes.end());
    both.push_back(static_cast<std::uint8_t>(ip.family));
    both.insert(both.end(), ip.bytes.begin(), ip.bytes.end());
    return both;
  }
  std::vector<Pseudonyms> keys_;
};

}  // namespace foyer::app
