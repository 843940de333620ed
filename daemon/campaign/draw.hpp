#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/time.hpp"
#include "campaign/model.hpp"
#include "campaign/reason.hpp"
#include "campaign/zone_time.hpp"

/// Who may win what, as pure rules over values: no clock, no store, no randomness of their own.
namespace foyer::campaign {

/// What is known about the one who draws. All of it attested by the house, nothing by the phone.
struct Shopper {
  std::string subject;
  int presence = 0;  ///< level 0 to 5
  std::string zone;  ///< empty: not known
  bool returning = false;
  std::vector<std::string> segments{};
};

/// One instant and what every rule asks of it, worked out once for all campaigns.
struct Moment {
  WallTime now{};
  bool clock_trusted = true;
  ZoneTime::Local local{}, before{};  ///< the shop's day, and the same time of the day before it
  std::int64_t today = 0;             ///< the local day as days since 1970
  static Moment at(WallTime now, bool clock_trusted, const ZoneTime& zone);
};

/// What the ledger knows of one campaign and one subject at this moment.
struct Usage {
  std::uint32_t subject_total = 0, subject_day = 0, total = 0, day = 0;  ///< wins
  std::optional<WallTime> subject_last_draw;
  std::map<std::string, std::uint32_t> issued;  ///< by prize id
  std::set<std::string> no_codes{};             ///< prizes whose imported codes have all been given
};

/// The first reason for which this campaign is not for this shopper now, as far as needs no store: paused, clock,
/// schedule, zone, presence, audience. In that order. Only a shopper none of them refuses is asked about the holdout.
std::optional<Reason> refused_by_rules(const Campaign& campaign, const Shopper& shopper, const Moment& moment);

/// The last moment at which it could have decided has passed; windows that began on its last day count.
bool is_over(const Schedule& schedule, const Moment& moment);

/// The first reason the counts give: interval, caps, stock (every prize but `nothing` gone).
std::optional<Reason> refused_by_usage(const Campaign& campaign, const Usage& usage, WallTime now);

/// Draws by integer weights. A prize out of stock falls to `nothing`, the others keep their odds. Returns the index in
/// campaign.prizes, or nullopt for nothing.
std::optional<std::size_t> pick(const Campaign& campaign, const Usage& usage, const Random& random);

/// Highest priority first, then by id.
bool before(const Campaign& a, const Campaign& b);

/// The lot of one who is not assigned yet. Deterministic: HMAC-SHA-256(key, campaign id, zero byte, subject) mod 10,000
/// < holdout_bp. The ledger keeps the assignment, for a subject's name changes.
bool held_out(const Campaign& campaign, const std::string& subject, ByteView key);

}  // namespace foyer::campaign
