#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "presence/table.hpp"

/// Who is here, from what the radio heard: a state machine per identifier, moved only by step() and tick() with the
/// time handed in. Core thread. It proposes events; the ledger keeps them.
namespace foyer::presence {

struct ZoneBeacon {
  Uuid uuid;
  std::optional<std::uint16_t> major, minor;  ///< absent: any
  bool operator==(const ZoneBeacon&) const = default;
  bool matches(const BeaconId& id) const {
    return id.uuid == uuid && (!major || *major == id.major) && (!minor || *minor == id.minor);
  }
};

/// A zone takes the identifiers its `beacons` name; one without beacons takes every other identifier, by signal.
struct Zone {
  std::string id;
  std::vector<ZoneBeacon> beacons;
  int enter = -70, exit = -76;  ///< dBm, exit < enter
  std::chrono::milliseconds dwell{30'000};
  std::chrono::milliseconds exit_after{45'000};
  bool operator==(const Zone&) const = default;
};

struct Settings {
  std::vector<Zone> zones;
  std::size_t max_identifiers = 20'000;           ///< the least recently heard goes first, counted
  std::chrono::milliseconds lost_after{180'000};  ///< beacon.lost
  std::chrono::milliseconds leave_hold{10'000};   ///< weaker than `exit` for so long (at most exit_after) is leaving
  bool operator==(const Settings&) const = default;
};

/// One decoded beacon as heard once.
struct Sighting {
  BeaconId id;
  std::int8_t rssi = 0;  ///< dBm; Advert::kNoRssi: heard, but the radio could not say how strong
  std::uint8_t adapter = 0;
  MonoTime at{};
};

struct Change {
  enum class Kind { seen, lost, entered, dwelled, left };
  Kind kind = Kind::seen;
  BeaconId id;
  std::string zone;                    ///< entered, dwelled, left
  std::uint64_t visit = 0;             ///< counts from 1 in this run; the same number from entered to left
  std::chrono::milliseconds dwell{0};  ///< dwelled, left: from entering to the last hearing inside
  int rssi = 0;                        ///< smoothed dBm; Advert::kNoRssi: never known
  std::uint8_t adapter = 0;
};

struct Here {
  BeaconId id;
  std::string zone;
  std::uint64_t visit = 0;
  std::chrono::milliseconds since{0};  ///< how long it has been in, at the last step or tick
  int rssi = 0;                        ///< as in Change
  bool dwelled = false;
};

struct Figures {
  std::size_t identifiers = 0;  ///< in the table now
  std::size_t here = 0;         ///< of these, in at least one zone
  std::uint64_t heard = 0;      ///< sightings taken
  std::uint64_t samples = 0;    ///< of these, with a signal strength
  std::uint64_t own = 0;        ///< sightings of our own beacons, passed over
  std::uint64_t evictions = 0;  ///< identifiers that went because the table was full
  std::size_t memory = 0;       ///< bytes of the table
};

/// Who is in which zone.
///
/// Entering takes 3 samples and a smoothed strength of at least `enter`: a median of the last five, then an exponential
/// average, so that one reflection neither lets in nor throws out. Leaving is either weaker than `exit` for
/// `leave_hold` or unheard for `exit_after`; between `exit` and `enter` nothing changes. A hearing without strength
/// keeps a visit alive and gives no sample; where an identifier has never had a strength, 3 hearings enter a zone that
/// names it in its `beacons` (naming it is the shop's word that hearing it means being there), and no other.
///
/// The table holds `max_identifiers`; the least recently heard goes first, with `left` and `lost` like any other. A
/// step is O(1) in it and allocates nothing once it is full, but for the text of a Change.
class Presence {
 public:
  /// `seed` scatters the table, so that a stranger cannot aim identifiers at one place of it.
  explicit Presence(Settings settings, std::uint64_t seed = 0);

  /// Takes one hearing; adds what it changed to `out`, in order.
  void step(const Sighting& sighting, std::vector<Change>& out);
  /// Ends what time alone ends: visits by silence, identifiers by lost_after. Once a second is enough.
  void tick(MonoTime now, std::vector<Change>& out);

  /// From freeze to thaw the radio is known deaf: nobody is thought gone because nobody is heard. Both may repeat.
  void freeze(MonoTime now);
  void thaw(MonoTime now);

  /// Which identifiers are the shop's own broadcasts: never seen, never in a zone. Empty: none.
  void set_own(std::function<bool(const BeaconId&)> own) { own_ = std::move(own); }

  /// Other zones from now on. A visit goes on where a zone of the same id still takes the identifier; others are left.
  /// A smaller table evicts at once.
  void configure(Settings settings, std::vector<Change>& out);

  std::vector<Here> here() const;
  Figures figures() const;

 private:
  using Milliseconds = std::chrono::milliseconds;

  MonoTime own_time(MonoTime at);
  std::uint32_t admit(const BeaconId& id, MonoTime now, bool& fresh, std::vector<Change>& out);
  void remove(std::uint32_t index, std::vector<Change>& out);
  void assign_zones(Entry& entry) const;
  void settle(std::uint32_t index, MonoTime now, std::vector<Change>& out);
  void advance(std::uint32_t index, Visit& visit, bool sampled, MonoTime now, std::vector<Change>& out);
  void enter(std::uint32_t index, Visit& visit, MonoTime now, std::vector<Change>& out);
  void leave(std::uint32_t index, Visit& visit, std::vector<Change>& out);
  Milliseconds hold(const Zone& zone) const;
  Milliseconds forget_after(const Entry& entry) const;
  Change change(Change::Kind kind, const Entry& entry, const Visit* visit = nullptr) const;

  Settings settings_;
  Table table_;
  std::vector<std::uint32_t> visiting_;  ///< entries with a visit under way, in no order
  std::function<bool(const BeaconId&)> own_;
  std::uint64_t visits_ = 0, heard_ = 0, samples_ = 0, passed_over_ = 0, evictions_ = 0;
  MonoTime last_{};                    ///< own time never goes back
  MonoTime::duration deaf_{0};         ///< own time is the handed-in time less all time deaf
  std::optional<MonoTime> frozen_at_;  ///< own time
};

}  // namespace foyer::presence
