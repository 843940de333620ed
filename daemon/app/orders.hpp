#pragma once

#include <functional>

#include "app/clerk.hpp"
#include "base/document.hpp"
#include "ledger/ledger.hpp"
#include "portal/services.hpp"
#include "sync/downlink.hpp"

namespace foyer::app {

/// Carries out what comes down the line: campaigns go into the ledger (and are answered on …/up/health by the events
/// campaign.applied and campaign.refused), commands are answered on their response topic. Core thread; the waiting is
/// the clerk's.
class Orders {
 public:
  using Publish = std::function<void(ports::OutboundMessage)>;  ///< any thread

  Orders(sync::Identity identity, ledger::Ledger& ledger, portal::AdminServices& admin, Clerk& clerk,
         const ports::Clock& clock, Publish publish)
      : identity_(std::move(identity)),
        ledger_(ledger),
        admin_(admin),
        clerk_(clerk),
        clock_(clock),
        publish_(std::move(publish)) {}

  /// False: not a downlink message.
  bool take(const ports::InboundMessage& message);

 private:
  void apply(const sync::CampaignDown& down);
  Result<std::string> carry_out(const sync::Command& command);
  void answer(const ports::InboundMessage& request, const Result<std::string>& result);
  void refuse_campaign(const std::string& id, const Faults& faults);

  sync::Identity identity_;
  ledger::Ledger& ledger_;
  portal::AdminServices& admin_;
  Clerk& clerk_;
  const ports::Clock& clock_;
  Publish publish_;
};

}  // namespace foyer::app
