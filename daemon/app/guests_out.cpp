// How a session ends before its time, and who is kept out after it.
#include <algorithm>

#include "app/guests.hpp"

namespace foyer::app {

using ports::GuestKey;

Result<void> Guests::end(Entry& entry, const std::string& reason) {
  // On a failure it stays known, and the next tick tries again.
  const auto total = shut_all(entry);
  if (!total) return fail(total);
  ended_({entry.session.id, reason, std::max(entry.bytes.up, total->up), std::max(entry.bytes.down, total->down)});
  let_go_of_all(entry);
  by_pair_.erase(std::string(entry.session.pair));
  return {};
}

Result<std::size_t> Guests::remove_named(const std::vector<std::string>& subjects, const std::string& reason) {
  std::vector<std::string> pairs;
  for (const auto& [pair, entry] : by_pair_)
    if (std::find(subjects.begin(), subjects.end(), entry.session.subject) != subjects.end()) pairs.push_back(pair);
  for (const auto& pair : pairs)
    if (auto ended = end(by_pair_.at(pair), reason); !ended) return fail(ended);
  return pairs.size();
}

Result<std::size_t> Guests::remove(const std::string& ip_or_mac, const std::string& reason,
                                   std::optional<std::chrono::seconds> keep_out) {
  if (gate_ == nullptr) return fail(Code::degrade, "there is no gate here");
  const auto mac = parse_mac(ip_or_mac);
  const auto ip = parse_ip(ip_or_mac);
  if (!mac && !ip) return fail(Code::refuse, "'{}' is neither an IP nor a MAC address", ip_or_mac);
  if (keep_out) {  // first, so that it cannot come back meanwhile
    const auto device = device_of(ip_or_mac);
    if (!device) return fail(device);
    if (auto kept = gate_->remove({*device, {}}, keep_out); !kept) return fail(kept);
    kept_out_[*device] = clock_.mono() + *keep_out;
    static_cast<void>(stations_->deauthenticate(*device));  // so that the device shows it; shut it is without
  }
  const auto named = [&](const GuestKey& key) { return (mac && key.mac == *mac) || (ip && key.ip == *ip); };
  std::vector<std::string> pairs;
  for (const auto& [pair, entry] : by_pair_)
    if ((entry.key && named(*entry.key)) || std::any_of(entry.extra.begin(), entry.extra.end(), named))
      pairs.push_back(pair);
  // Recorded, not open, and there: it would be opened by itself later.
  for (const auto& station : stations_->all()) {
    const bool meant = (mac && station.mac == *mac) ||
                       (ip && std::find(station.ips.begin(), station.ips.end(), *ip) != station.ips.end());
    const auto* entry = meant ? find(station) : nullptr;
    if (entry != nullptr && !entry->key) pairs.push_back(entry->session.pair);
  }
  for (const auto& pair : pairs)
    if (auto ended = end(by_pair_.at(pair), reason); !ended) return fail(ended);
  return pairs.size();
}

/// Whose address this is: of a guest, or of a device that is there.
Result<MacAddress> Guests::device_of(const std::string& ip_or_mac) const {
  if (const auto mac = parse_mac(ip_or_mac)) return *mac;
  const auto ip = parse_ip(ip_or_mac);
  for (const auto& [key, pair] : holders_)
    if (ip && key.ip == *ip) return key.mac;
  const auto station = ip ? stations_->find(*ip) : Result<ports::Station>(fail(Code::refuse, "no IP address"));
  if (!station) return fail(station);
  return station->mac;
}

/// Why a device may not be in; it is not asked by which way it comes.
Result<void> Guests::allowed(const MacAddress& mac) const {
  if (is_blocked(mac)) return fail(Code::refuse, "this device is blocked");
  const auto kept = kept_out_.find(mac);
  if (kept == kept_out_.end() || kept->second <= clock_.mono()) return {};
  return fail(Code::refuse, "this device is kept out for {} s",
              std::chrono::ceil<std::chrono::seconds>(kept->second - clock_.mono()).count());
}

/// The operator's hand ends a keeping out.
Result<void> Guests::lift_or_refuse(const MacAddress& mac, const Session& session) {
  if (session.way == Way::operator_ && kept_out_.contains(mac)) {
    if (auto lifted = gate_->remove({mac, {}}, std::chrono::seconds{0}); !lifted) return fail(lifted);
    kept_out_.erase(mac);
  }
  return allowed(mac);
}

std::map<MacAddress, std::chrono::seconds> Guests::kept_out() const {
  std::map<MacAddress, std::chrono::seconds> all;
  for (const auto& [mac, until] : kept_out_)
    if (until > clock_.mono()) all[mac] = std::chrono::ceil<std::chrono::seconds>(until - clock_.mono());
  return all;
}

}  // namespace foyer::app
