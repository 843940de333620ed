#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/advert.hpp"
#include "base/net.hpp"
#include "base/time.hpp"
#include "beacon/identifier.hpp"
#include "presence/table.hpp"
#include "presence/zone.hpp"

/// Who is here, from what the radio heard: a state machine per identifier, moved only by step() and tick() with the
/// time handed in. Core thread. It proposes events; the ledger keeps them.
namespace foyer::presence {

/// One decoded beacon as heard once.
struct Sighting {
  beacon::Identifier id;
  std::int8_t rssi = 0;  ///< dBm; Advert::kNoRssi: heard, but the radio could not say how strong
  std::uint8_t adapter = 0;
  MonoTime at{};
  MacAddress address{};            ///< for the guard against copies only; all zero: unknown
  std::int8_t measured_power = 0;  ///< dBm at 1 m as the beacon says; 0: it does not
  bool vouched = false;            ///< the caller knows it though no zone names it: no stranger
};

struct Change {
  enum class Kind { seen, suspected, lost, entered, dwelled, left };
  Kind kind = Kind::seen;
  beacon::Identifier id;
  std::string zone;                    ///< entered, dwelled, left
  std::uint64_t visit = 0;             ///< counts from 1 in this run; the same number from entered to left
  std::chrono::milliseconds dwell{0};  ///< dwelled, left: from entering to the last hearing inside
  int rssi = 0;                        ///< smoothed dBm; Advert::kNoRssi: never known
  std::uint8_t adapter = 0;
  Role role = Role::shopper;
  bool known = false;    ///< a zone or a role names it
  bool suspect = false;  ///< copies of it are on the air
};

struct Here {
  beacon::Identifier id;
  std::string zone;
  std::uint64_t visit = 0;
  std::chrono::milliseconds since{0};  ///< how long it has been in, at the last step or tick
  int rssi = 0;                        ///< as in Change
  bool dwelled = false;
  Role role = Role::shopper;
  bool known = false, suspect = false;
  std::optional<double> distance_m;                   ///< a guess from rssi and measured power; decides nothing
  std::optional<std::chrono::milliseconds> interval;  ///< between two adverts, as learned
};

/// How one identifier was heard lately.
struct Heard {
  std::chrono::milliseconds ago{0};
  unsigned hearings = 0;  ///< with or without strength, without a long silence between; at most 255
  bool suspect = false;
  std::string zone;  ///< where it is; the first of the configuration, empty: in none
};

struct Figures {
  std::size_t identifiers = 0;   ///< in the table now
  std::size_t here = 0;          ///< of these, in at least one zone
  std::size_t shoppers = 0;      ///< of those, neither staff nor asset
  std::uint64_t heard = 0;       ///< sightings taken
  std::uint64_t samples = 0;     ///< of these, with a signal strength
  std::uint64_t missing = 0;     ///< adverts expected by their beacons' learned intervals and not heard
  std::uint64_t own = 0;         ///< sightings of our own beacons, passed over
  std::uint64_t evictions = 0;   ///< identifiers that went because the table was full
  std::uint64_t suspicions = 0;  ///< times an identifier became suspect
  std::uint64_t held_back = 0;   ///< strangers not told and visits not begun, Settings::max_strangers
  std::size_t limit = 0;         ///< identifiers the table may hold
  std::size_t memory = 0;        ///< bytes of the table
};

/// Who is in which zone.
///
/// Entering takes 3 samples and a smoothed strength of at least `enter`: a median of the last five, then an exponential
/// average, so that one reflection neither lets in nor throws out. Leaving is either weaker than `exit` for
/// `leave_hold` and 25 samples (at most `exit_after`), or unheard for `exit_after`; between `exit` and `enter` nothing
/// changes. A beacon that advertises so rarely that four of its intervals, as learned, are longer than `exit_after` (or
/// lost_after) is given those four, at most eight times the time that is configured. A hearing without strength keeps a
/// visit alive and gives no sample; where an identifier has never had a strength, 3 hearings enter a zone that names it
/// in its `beacons` (naming it is the shop's word that hearing it means being there), and no other.
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
  /// `silence`: so long it had heard nothing when that became known; it is held against nobody either.
  void freeze(MonoTime now, MonoTime::duration silence = {});
  void thaw(MonoTime now);

  /// Which identifiers are the shop's own broadcasts: never seen, never in a zone. Empty: none.
  void set_own(std::function<bool(const beacon::Identifier&)> own) { own_ = std::move(own); }

  /// Other zones from now on. A visit goes on where a zone of the same id still takes the identifier; others are left.
  /// A smaller table evicts at once.
  void configure(Settings settings, std::vector<Change>& out);

  std::vector<Here> here() const;
  /// Nothing where it is not in the table.
  std::optional<Heard> heard(const beacon::Identifier& id) const;
  Figures figures() const;

 private:
  using Milliseconds = std::chrono::milliseconds;

  MonoTime own_time(MonoTime at);
  std::uint32_t admit(const beacon::Identifier& id, MonoTime now, std::vector<Change>& out);
  void meet(Entry& entry, std::vector<Change>& out);
  bool outlived(const Entry& entry, MonoTime now) const;
  bool allow_stranger(std::size_t& count, MonoTime now);
  void remove(std::uint32_t index, std::vector<Change>& out);
  void assign_zones(Entry& entry) const;
  void settle(std::uint32_t index, MonoTime now, std::vector<Change>& out);
  void advance(std::uint32_t index, Visit& visit, bool sampled, MonoTime now, std::vector<Change>& out);
  void enter(std::uint32_t index, Visit& visit, MonoTime now, std::vector<Change>& out);
  void leave(std::uint32_t index, Visit& visit, std::vector<Change>& out);
  bool faded(const Visit& visit, const Zone& zone, MonoTime now) const;
  static Milliseconds stretched(Milliseconds time, const Entry& entry);
  Milliseconds forget_after(const Entry& entry) const;
  Change change(Change::Kind kind, const Entry& entry, const Visit* visit = nullptr) const;

  Settings settings_;
  Table table_;
  std::vector<std::uint32_t> visiting_;  ///< entries with a visit under way, in no order
  std::function<bool(const beacon::Identifier&)> own_;
  std::uint64_t visits_ = 0, heard_ = 0, samples_ = 0, missing_ = 0, passed_over_ = 0, evictions_ = 0, suspicions_ = 0,
                held_back_ = 0;
  MonoTime minute_{};  ///< when the counts below began
  std::size_t strangers_seen_ = 0, strangers_in_ = 0;
  MonoTime last_{};                    ///< own time never goes back
  MonoTime::duration deaf_{0};         ///< own time is the handed-in time less all time deaf
  std::optional<MonoTime> frozen_at_;  ///< own time
};

}  // namespace foyer::presence
