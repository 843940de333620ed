#include "app/triggers.hpp"

#include <spdlog/spdlog.h>

#include "app/patience.hpp"

namespace foyer::app {

void Triggers::happen(campaign::TriggerCommand command) {
  const bool posted = clerk_.post([this, command = std::move(command)]() mutable {
    command.terms = terms_();
    const auto answer = ledger_.happen(command, kUnhurriedLedger);
    if (!answer) return spdlog::error("{} brought no offer: {}", command.instance, answer.error().message);
    for (const auto reason : answer->refused) refusals_.count("offer", reason);
  });
  if (!posted) ++lost_;
}

}  // namespace foyer::app
