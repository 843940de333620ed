#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "campaign/zone_time.hpp"
#include "ledger/codec.hpp"
#include "ledger/ledger.hpp"
#include "ledger/outbox.hpp"
#include "ledger/sqlite.hpp"

namespace foyer::ledger {

class Campaigns;

/// What a command may touch while it runs in its savepoint. Made anew for each group of commands.
struct Context {
  Db& db;
  Outbox& outbox;
  Campaigns& campaigns;
  const Settings& settings;
  const campaign::ZoneTime& zone;
  WallTime now{};
  MonoTime mono{};
  bool clock_trusted = true;

  /// The shop's local day as days since 1970: what "a day" means in every count.
  std::int64_t today() const { return std::chrono::sys_days{zone.local(now).day}.time_since_epoch().count(); }
  void emit(Stream stream, std::string type, std::string subject, const Json& data) {
    outbox.add({stream, std::move(type), std::move(subject), dump(data)}, now, mono);
  }
};

}  // namespace foyer::ledger
