#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "config/config.hpp"
#include "ports/clock.hpp"

namespace foyer::app {

/// Identifiers lent to shoppers' apps: the shop's `shoppers.uuid` with random major and minor, for a time. Only here is
/// known whose one is: it is in memory, and gone with a restart (the app asks again). Core thread.
class Leases {
 public:
  /// At once; the one that would end first goes first, counted. A subject has at most two.
  static constexpr std::size_t kMost = 10'000;

  static constexpr std::chrono::minutes kAfter{10};

  struct Lease {
    BeaconId id;
    WallTime expires{};  ///< a label; the lease ends by monotonic time
  };

  Leases(const ports::Clock& clock, Random random) : clock_(clock), random_(std::move(random)) {}

  /// Absent: nothing is lent, and what was is revoked. Another uuid revokes, too.
  void configure(const std::optional<config::Shoppers>& shoppers);

  /// The subject's identifier: the same one in the first half of its time, then a fresh one; the old stays good until
  /// its end, so that an app may change over at leisure. Code::refuse: nothing is lent here.
  Result<Lease> lend(const std::string& subject);
  void revoke(const std::string& subject);

  bool lends(const Uuid& uuid) const { return shoppers_ && shoppers_->uuid == uuid; }
  /// Whose it is; null where it is nobody's now. Valid until the next change. Allocates nothing.
  const std::string* holder(const BeaconId& id) const;
  /// The same, and whose it was until kAfter ago: so that a visit that outlasts its lease is told to its end.
  const std::string* last_holder(const BeaconId& id) const;
  std::vector<BeaconId> of(const std::string& subject) const;

  /// Forgets what has ended; call every second.
  void tick();

  std::size_t size() const { return by_number_.size(); }
  std::uint64_t evictions() const { return evictions_; }

 private:
  using Number = std::uint32_t;  ///< major and minor
  struct Entry {
    std::string subject;
    MonoTime began{}, ends{};
    WallTime expires{};
  };

  static Number number_of(const BeaconId& id) { return Number{id.major} << 16 | id.minor; }
  BeaconId id_of(Number number) const;
  Number fresh_number() const;
  void remove(Number number);
  void make_room(std::vector<Number>& own);

  const ports::Clock& clock_;
  Random random_;
  std::optional<config::Shoppers> shoppers_;
  std::unordered_map<Number, Entry> by_number_;
  std::unordered_map<std::string, std::vector<Number>> by_subject_;  ///< oldest first
  MonoTime next_end_ = MonoTime::max();                              ///< when the next is forgotten
  std::uint64_t evictions_ = 0;
};

}  // namespace foyer::app
