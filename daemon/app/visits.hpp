#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/event.hpp"
#include "base/time.hpp"
#include "campaign/exchange.hpp"

namespace foyer::app {

/// A guest as the gate and the Wi-Fi show them now.
struct GuestHere {
  std::string session, subject, zone;  ///< zone: of the way in, may be empty
  bool associated = false;
  int presence = 0;
  std::vector<std::string> known_as;
  std::optional<std::int8_t> signal{};  ///< of its Wi-Fi, dBm, where hostapd says so
};

/// The zone's times (foyer.yaml), for a guest on the Wi-Fi as for a beacon.
struct ZoneTimes {
  std::chrono::milliseconds dwell{30'000}, exit_after{45'000};
};

/// The happenings in events of presence that a lent beacon brought about (their `kind` is lent, their subject its
/// holder); of one that is suspect, none. `run` names this run of the house: visits are numbered in it.
std::vector<campaign::TriggerCommand> lent_happenings(const std::vector<Event>& events, const std::string& run,
                                                      const std::function<std::vector<GuestHere>()>& guests);

/// From being on the Wi-Fi to enter, dwell and exit, each once for a session and a zone: a phone that sleeps and wakes
/// does not enter twice, nor does one at the border of two zones. A stay begins anew after an absence of exit_after.
/// What was told is told once more when more is proved: its campaigns may ask for that, and what one has dealt on is
/// not dealt on again. Where a lent beacon of the guest is heard in the zone, that is the better witness: see
/// take_over. As large as the number of sessions times the zones each was near in. Core thread.
class WifiVisits {
 public:
  using Times = std::function<ZoneTimes(const std::string& zone)>;
  /// Entered by a lent beacon and not shown by the Wi-Fi: as many as are lent; more are told twice.
  static constexpr std::size_t kMostByBeacon = 10'000;
  explicit WifiVisits(Times times) : times_(std::move(times)) {}

  /// All guests as they are now; call every second or so. What happened, in no order between guests.
  std::vector<campaign::TriggerCommand> step(const std::vector<GuestHere>& guests, MonoTime now);
  /// What a lent beacon tells of the same zone is the same visit: its entering, told already, is taken out of
  /// `lent`, and from now on the beacon says when it dwells and leaves.
  void take_over(std::vector<campaign::TriggerCommand>& lent);
  std::size_t size() const { return visits_.size(); }

 private:
  struct Visit {
    GuestHere guest;
    MonoTime entered{}, seen{};
    int level = 0;  ///< the most that was proved
    bool dwelled = false, over = false, by_beacon = false;
  };
  static campaign::TriggerCommand happening(campaign::Trigger trigger, const GuestHere& guest);

  Times times_;
  std::map<std::pair<std::string, std::string>, Visit> visits_;      // by session and zone
  std::set<std::pair<std::string, std::string>> entered_by_beacon_;  // subject and zone, no visit yet
};

}  // namespace foyer::app
