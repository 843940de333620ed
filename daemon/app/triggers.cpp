#include "app/triggers.hpp"

#include <spdlog/spdlog.h>

namespace foyer::app {

namespace {
constexpr std::chrono::milliseconds kLedger{10'000};
}

void Triggers::happen(campaign::TriggerCommand command) {
  const bool posted = clerk_.post([this, command = std::move(command)]() mutable {
    command.terms = terms_();
    const auto answer = ledger_.happen(command, kLedger);
    if (!answer) return spdlog::error("{} brought no offer: {}", command.instance, answer.error().message);
    for (const auto reason : answer->refused) refusals_.count("offer", reason);
  });
  if (!posted) ++lost_;
}

}  // namespace foyer::app
