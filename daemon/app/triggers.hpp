#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/clerk.hpp"
#include "app/refusals.hpp"
#include "campaign/exchange.hpp"
#include "ledger/ledger.hpp"

namespace foyer::app {

/// Brings what happened to shoppers before the campaigns. Core thread; the ledger is waited for by the clerk.
class Triggers {
 public:
  /// `terms`: hash of what must have been agreed to, empty where nothing must; any thread.
  Triggers(ledger::Ledger& ledger, Clerk& clerk, Refusals& refusals, std::function<std::string()> terms)
      : ledger_(ledger), clerk_(clerk), refusals_(refusals), terms_(std::move(terms)) {}

  void happen(campaign::TriggerCommand command);
  void happen(std::vector<campaign::TriggerCommand> commands) {
    for (auto& command : commands) happen(std::move(command));
  }
  std::uint64_t lost() const { return lost_; }  ///< happenings for which the clerk had no room

 private:
  ledger::Ledger& ledger_;
  Clerk& clerk_;
  Refusals& refusals_;
  std::function<std::string()> terms_;
  std::uint64_t lost_ = 0;
};

}  // namespace foyer::app
