#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/leases.hpp"
#include "app/visits.hpp"
#include "portal/services.hpp"
#include "presence/presence.hpp"

namespace foyer::app {

/// Which shoppers on the Wi-Fi are proved to be near the box as well: presence level 4. Core thread. Proof is one of
///   - the signal of the phone's Wi-Fi here is at least `enter` of a zone that takes by signal;
///   - we heard an identifier that is lent to the subject: three hearings, the last at most kLately ago, no copies; or
///   - the subject reported a rolling beacon of ours: its minor of the present or the previous slot can be known only
///   by
///     who heard it. It proves for kReportCounts, or for one slot if that is longer.
/// A static beacon reported proves nothing, nor does any strength: it is the phone's own word.
class Nearness {
 public:
  static constexpr std::chrono::seconds kLately{30}, kReportCounts{60};
  static constexpr std::size_t kMostSubjects = 10'000;  ///< with a report; the oldest goes first
  /// Guessing: reports of ours with a wrong minor in an hour, after which the subject's reports count no more in it.
  static constexpr unsigned kMostWrong = 20;

  Nearness(const Leases& leases, const presence::Presence& presence, const ports::Clock& clock)
      : leases_(leases), presence_(presence), clock_(clock) {}

  /// The shop's own broadcasts, the key of their minors, and the zones.
  void configure(std::vector<config::BroadcastBeacon> broadcasts, Bytes key, const std::vector<presence::Zone>& zones);

  void report(const std::string& subject, const std::vector<BeaconId>& heard);
  void forget(const std::string& subject) { reports_.erase(subject); }

  /// Raises who is on the Wi-Fi and near to level 4, and names the zone it is near in: that of a lent identifier, else
  /// of `signal` (dBm of its Wi-Fi, where it is known), else what the visitor has.
  void raise(portal::Visitor& visitor, std::optional<std::int8_t> signal = {}) const;
  void raise(GuestHere& guest) const;
  std::vector<GuestHere> raised(std::vector<GuestHere> guests) const;

  std::size_t size() const { return reports_.size(); }
  std::uint64_t evictions() const { return evictions_; }
  std::uint64_t wrong() const { return wrong_; }  ///< wrong minors since start

 private:
  struct Report {
    MonoTime until{}, touched{}, hour{};
    unsigned wrong = 0;  ///< since `hour`
  };
  enum class Verdict { foreign, fresh, wrong };

  /// Names the zone, too, where one is known.
  bool is_near(const std::string& subject, std::optional<std::int8_t> signal, std::string& zone) const;
  Verdict check(const BeaconId& id, std::chrono::seconds& counts) const;
  Report& entry(const std::string& subject);

  const Leases& leases_;
  const presence::Presence& presence_;
  const ports::Clock& clock_;
  std::vector<config::BroadcastBeacon> rolling_;
  Bytes key_;
  std::vector<presence::Zone> by_signal_;
  std::map<std::string, Report> reports_;
  std::uint64_t wrong_ = 0, evictions_ = 0;
};

}  // namespace foyer::app
