#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/crypto.hpp"
#include "base/time.hpp"
#include "portal/services.hpp"

namespace foyer::app {

/// Devices that wait for a phone to vouch for them. Core thread.
class Pairings {
 public:
  static constexpr std::size_t kMost = 256;           ///< waiting at once; the oldest goes first
  static constexpr std::chrono::minutes kLife{5};     ///< then it begins anew
  static constexpr int kMostVouched = 3;              ///< devices a session may vouch for
  static constexpr std::size_t kMostVouchers = 4096;  ///< sessions remembered; the oldest goes first

  portal::Pairing begin(const std::string& device, const IpAddress& ip, bool consent, const Random& random,
                        MonoTime now) {
    std::erase_if(waiting_, [&](const Entry& one) { return one.pairing.device == device || now >= one.until; });
    if (waiting_.size() >= kMost) waiting_.pop_front();
    portal::Pairing pairing{
        random_hex(random, 16), ip, device, fmt::format("{:04}", random_below(random, 10'000)), consent, false};
    waiting_.push_back({pairing, now + kLife});
    return pairing;
  }

  std::optional<portal::Pairing> find(const std::string& id, MonoTime now) const {
    const auto it = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const Entry& one) { return one.pairing.id == id && now < one.until; });
    return it == waiting_.end() ? std::nullopt : std::optional(it->pairing);
  }

  /// Takes it: nobody else can confirm it. It is still found, as confirmed, until its time is over.
  tl::expected<std::optional<portal::Pairing>, campaign::Reason> confirm(const std::string& id,
                                                                         const std::string& session, MonoTime now) {
    const auto it = std::find_if(waiting_.begin(), waiting_.end(), [&](const Entry& one) {
      return one.pairing.id == id && now < one.until && !one.pairing.confirmed;
    });
    if (it == waiting_.end()) return std::optional<portal::Pairing>();
    auto& count = vouched(session);
    if (count >= kMostVouched) return tl::make_unexpected(campaign::Reason::rate_limited);
    ++count;
    it->pairing.confirmed = true;
    return std::optional(it->pairing);
  }

  /// Takes a confirmation back: the device was not let in.
  void release(const std::string& id, const std::string& session) {
    const auto it = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const Entry& one) { return one.pairing.id == id && one.pairing.confirmed; });
    if (it == waiting_.end()) return;
    it->pairing.confirmed = false;
    if (const auto count = vouched_.find(session); count != vouched_.end()) --count->second;
  }

  std::size_t size() const { return waiting_.size(); }

 private:
  struct Entry {
    portal::Pairing pairing;
    MonoTime until{};
  };

  int& vouched(const std::string& session) {
    if (const auto it = vouched_.find(session); it != vouched_.end()) return it->second;
    if (vouchers_.size() >= kMostVouchers) {
      vouched_.erase(vouchers_.front());
      vouchers_.pop_front();
    }
    vouchers_.push_back(session);
    return vouched_[session];
  }

  std::deque<Entry> waiting_;  // oldest first
  std::map<std::string, int> vouched_;
  std::deque<std::string> vouchers_;  // oldest first
};

}  // namespace foyer::app
