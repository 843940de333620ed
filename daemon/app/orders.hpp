#pragma once

#include <functional>
#include <map>
#include <string>

#include "app/clerk.hpp"
#include "base/document.hpp"
#include "campaign/lint.hpp"
#include "ledger/ledger.hpp"
#include "portal/services.hpp"
#include "sync/downlink.hpp"

namespace foyer::app {

/// Carries out what comes down the line: campaigns go into the ledger (and are answered on …/up/health by the events
/// campaign.applied and campaign.refused), commands are answered on their response topic, the same one once. Core
/// thread; the waiting is the clerk's.
class Orders {
 public:
  using Publish = std::function<void(ports::OutboundMessage)>;  ///< any thread

  Orders(sync::Identity identity, ledger::Ledger& ledger, portal::AdminServices& admin, Clerk& clerk,
         const ports::Clock& clock, std::function<campaign::Ceilings()> ceilings, Publish publish)
      : identity_(std::move(identity)),
        ledger_(ledger),
        admin_(admin),
        clerk_(clerk),
        clock_(clock),
        ceilings_(std::move(ceilings)),
        publish_(std::move(publish)) {}

  /// False: not a downlink message.
  bool take(const ports::InboundMessage& message);
  /// Tries again what the clerk or the ledger had no room for. Core thread, now and then.
  void look();

 private:
  void take(const sync::CampaignDown& down);
  void hand_over();
  bool apply(const sync::CampaignDown& down);
  void say_again(const sync::CampaignDown& down);
  Result<void> in_time_for(const sync::Command& command);
  std::string carry_out_once(const sync::Command& command);
  Result<std::string> carry_out(const sync::Command& command);
  void answer(const ports::InboundMessage& request, std::string payload);
  void refuse_campaign(const std::string& id, const Faults& faults);

  sync::Identity identity_;
  ledger::Ledger& ledger_;
  portal::AdminServices& admin_;
  Clerk& clerk_;
  const ports::Clock& clock_;
  std::function<campaign::Ceilings()> ceilings_;  // of the configuration in force; clerk thread
  Publish publish_;
  std::map<std::string, sync::CampaignDown> given_;    ///< by campaign, the newest: for which the clerk had no room yet
  std::map<std::string, sync::CampaignDown> waiting_;  ///< … for which the ledger had none; the clerk's tasks' alone
};

}  // namespace foyer::app
