#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "campaign/draw.hpp"
#include "campaign/zone_time.hpp"
#include "ledger/codec.hpp"
#include "ledger/consent_cache.hpp"
#include "ledger/ledger.hpp"
#include "ledger/outbox.hpp"
#include "ledger/sqlite.hpp"
#include "ledger/tally.hpp"

namespace foyer::ledger {

class Campaigns;

/// What a command may touch while it runs in its savepoint. Made anew for each group of commands.
struct Context {
  Db& db;
  Outbox& outbox;
  Campaigns& campaigns;
  Tally& tally;
  ConsentCache& consents;
  const Settings& settings;
  const campaign::ZoneTime& zone;
  WallTime now{};
  MonoTime mono{};
  bool clock_trusted = true;
  bool clock_settled = true;   ///< it has not just leapt: what its time has ended may go
  campaign::Moment moment{};   ///< of `now`
  bool clock_vouched = false;  ///< the kernel holds `now` for right

  /// The shop's local day as days since 1970: what "a day" means in every count.
  std::int64_t today() const { return moment.today; }
  void emit(Stream stream, std::string type, std::string subject, const Json& data) {
    outbox.add({stream, std::move(type), std::move(subject), dump(data)}, now, mono);
  }
};

}  // namespace foyer::ledger
