#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
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
};

/// The zone's times (foyer.yaml), for a guest on the Wi-Fi as for a beacon.
struct ZoneTimes {
  std::chrono::milliseconds dwell{30'000}, exit_after{45'000};
};

/// The happenings in events of presence that a lent beacon brought about (their `kind` is lent, their subject its
/// holder); of one that is suspect, none. `run` names this run of the house: visits are numbered in it.
std::vector<campaign::TriggerCommand> lent_happenings(const std::vector<Event>& events, const std::string& run,
                                                      const std::function<std::vector<GuestHere>()>& guests);

/// From being on the Wi-Fi to enter, dwell and exit, each once for a session: a phone that sleeps and wakes does not
/// enter twice. Where a lent beacon of the guest is heard in the zone, that is the better witness: see take_over. As
/// large as the number of sessions. Core thread.
class WifiVisits {
 public:
  using Times = std::function<ZoneTimes(const std::string& zone)>;
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
    bool dwelled = false, over = false, by_beacon = false;
  };
  static campaign::TriggerCommand happening(campaign::Trigger trigger, const GuestHere& guest);

  Times times_;
  std::map<std::string, Visit> visits_;  // by session
};

}  // namespace foyer::app
