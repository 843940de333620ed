// SIGHUP: everything is read by the clerk, and taken over by the core whole or not at all.
#include "app/app_impl.hpp"

#include <spdlog/spdlog.h>

namespace foyer::app {

void App::Impl::reload() {
  if (reloading_) {
    once_more_ = true;  // a file may have changed since it was read
    return;
  }
  // Files are read and the ledger is asked by the clerk; what came of it is taken over here, on the core.
  reloading_ = true;  // before the clerk may clear it
  const bool posted = clerk_->post([this] {
    auto fresh = read_again();
    const auto done = [this, fresh = std::move(fresh)] {
      if (fresh) take(fresh->first, fresh->second);
      reloading_ = false;
      if (std::exchange(once_more_, false)) reload();
    };
    if (parts_.core.try_post(done)) return;
    spdlog::error("reload: not taken over, the core is overloaded; send the signal again");
    reloading_ = false;
  });
  if (posted) return;
  reloading_ = false;
  spdlog::error("reload: nothing was changed: too many tasks wait; send the signal again");
}

std::optional<std::pair<config::Config, ledger::Ledger::Applied>> App::Impl::read_again() {
  auto fresh = config::read_config(surroundings_.config_path);
  auto campaigns = fresh ? config::read_campaigns(fresh->campaigns, fresh->promotions.ceilings)
                         : tl::expected<std::vector<campaign::Campaign>, Faults>{std::vector<campaign::Campaign>{}};
  if (!fresh || !campaigns) {
    for (const auto& fault : fresh ? campaigns.error() : fresh.error()) spdlog::error("reload: {}", to_string(fault));
    spdlog::error("reload: nothing was changed");
    return std::nullopt;
  }
  tell_cautions(*campaigns);
  auto applied = ledger_->apply_campaigns("file", std::move(*campaigns), kUnhurriedLedger);
  if (!applied) {
    spdlog::error("reload: nothing was changed: campaigns: {}", applied.error().message);
    return std::nullopt;
  }
  if (auto ruled = ledger_->use_offer_rules(fresh->promotions.offers, kUnhurriedLedger); !ruled)
    spdlog::error("reload: promotions.offers not taken over: {}", ruled.error().message);
  return std::pair{std::move(*fresh), std::move(*applied)};
}

void App::Impl::take(config::Config fresh, const ledger::Ledger::Applied& applied) {
  for (const auto& [id, why] : applied.refused) spdlog::error("reload: campaign {} not changed: {}", id, why);
  const auto waiting = config::needs_restart(config_, fresh);
  if (!waiting.empty()) spdlog::warn("reload: {} changed and waits for a restart", fmt::join(waiting, ", "));
  config_ = config::keep_fixed(config_, std::move(fresh));
  ceilings_ = std::make_shared<const campaign::Ceilings>(config_.promotions.ceilings);
  if (tls_) tls_->renew();
  make_portal();
  make_admin();
  configure_nearness();
  guests_->limit(guest_limits(config_));
  if (parts_.gate) {
    if (auto laid = parts_.gate->setup(gate_policy(config_, guest_port(), https_port())); !laid)
      spdlog::error("reload: {}", laid.error().message);
    guests_->reconcile();  // the table may have been made anew
  }
  hearing_->reconfigure(config_);
  refresh_broadcasts();
  spdlog::info("reload: done, {} campaigns applied", applied.applied.size());
}

}  // namespace foyer::app
