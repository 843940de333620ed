#include "app/app_impl.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "campaign/cautions.hpp"

namespace foyer::app {

using nlohmann::json;
using namespace std::chrono_literals;

Result<void> App::Impl::start() {
  started_ = parts_.clock.mono();
  if (auto opened = open_ledger(); !opened) return opened;
  clerk_ = std::make_unique<Clerk>();
  if (auto applied = apply_campaigns(); !applied) return applied;
  set_up_guests();
  set_up_hearing();
  if (auto listening = listen(); !listening) return listening;
  admin_services_ = std::make_unique<Admin>(admin_core(), *ledger_, parts_.clock);
  if (auto radio = start_radio(); !radio) return radio;
  if (auto upstream = start_upstream(); !upstream) return upstream;
  if (auto serving = serve(); !serving) return serving;
  start_timers();
  json data{{"version", surroundings_.version}, {"boot", surroundings_.boot_id}, {"starts", ledger_->boot_seq()}};
  record({{Stream::health, "gateway.started", "", data.dump()}});
  open_ = true;
  return {};
}

Result<void> App::Impl::open_ledger() {
  auto secrets = load_secrets(folder(), kernel_random, parts_.clock.wall());
  if (!secrets) return fail(secrets);
  secrets_ = std::move(*secrets);
  rotate_keys();  // a box that is switched off at night has a key of yesterday

  auto settings = ledger_settings(config_, secrets_, surroundings_, parts_.clock);
  auto opened = ledger::Ledger::open(std::move(settings));
  if (!opened) return fail(std::move(opened).context("open the ledger " + config_.storage.path));
  ledger_ = std::move(*opened);
  const auto& came = ledger_->opened();
  if (!came.set_aside.empty())
    spdlog::error("storage was damaged: set aside as {}, {} rows kept, {} lost, new epoch {}", came.set_aside,
                  came.kept, came.lost, ledger_->epoch());
  if (came.restored)
    spdlog::warn(
        "{} is not the file that was closed last, a copy was put in its place: new epoch {}, at least {} "
        "events are missing",
        config_.storage.path, ledger_->epoch(), came.lost);
  ledger_->on_stored([this](const std::vector<StoredEvent>& events) {
    if (auto* upstream = upstream_seen_.load()) upstream->note(events);
    // A full core box loses only the followers' view and a nudge: the uplink looks again every second.
    [[maybe_unused]] const bool told = parts_.core.try_post([this, events] { stored(events); });
  });
  return {};
}

void tell_cautions(const std::vector<campaign::Campaign>& campaigns) {
  for (const auto& one : campaigns)
    for (const auto& caution : campaign::cautions(one)) spdlog::warn("{}", caution);
}

Result<void> App::Impl::apply_campaigns() {
  ceilings_ = std::make_shared<const campaign::Ceilings>(config_.promotions.ceilings);
  if (auto ruled = ledger_->use_offer_rules(config_.promotions.offers, kUnhurriedLedger); !ruled) return ruled;
  auto campaigns = config::read_campaigns(config_.campaigns, config_.promotions.ceilings);
  if (!campaigns) {
    for (const auto& fault : campaigns.error()) spdlog::error("{}", to_string(fault));
    return fail(Code::refuse, "{} faults in the campaigns of {}", campaigns.error().size(), config_.campaigns);
  }
  tell_cautions(*campaigns);
  const auto applied = ledger_->apply_campaigns("file", std::move(*campaigns), kUnhurriedLedger);
  if (!applied && applied.error().code == Code::retry) {
    // Storage is full: the shop opens with the campaigns it has, and the uplink makes room.
    spdlog::error("campaigns not applied: {}", applied.error().message);
    return {};
  }
  if (!applied) return fail(applied);
  for (const auto& [id, why] : applied->refused) spdlog::error("campaign {} not changed: {}", id, why);
  if (!applied->applied.empty()) spdlog::info("campaigns applied: {}", fmt::join(applied->applied, ", "));
  return {};
}

void App::Impl::set_up_guests() {
  const Subjects subjects(secrets_.pseudonyms);
  guests_ = std::make_unique<Guests>(
      parts_.gate.get(), parts_.stations.get(), parts_.clock, subjects, [this](const campaign::SessionEnd& end) {
        const bool posted = clerk_->post([this, end] {
          if (auto ended = ledger_->end_session(end, kUnhurriedLedger); !ended)
            spdlog::error("session {} ended but not recorded: {}", end.session, ended.error().message);
        });
        if (!posted) spdlog::error("session {} ended but not recorded: too many wait", end.session);
      });
  guests_->limit(guest_limits(config_));
  triggers_ = std::make_unique<Triggers>(*ledger_, *clerk_, refusals_, [this] {
    const auto portal = portal_.load();
    return portal ? portal->required_terms() : std::string();
  });
}

void App::Impl::set_up_hearing() {
  leases_ = std::make_unique<Leases>(parts_.clock, kernel_random);
  hearing_ = std::make_unique<Hearing>(config_, parts_.clock, Subjects(secrets_.pseudonyms), *leases_, kernel_random,
                                       [this](std::vector<Event> events) { heard(std::move(events)); });
  nearness_ = std::make_unique<Nearness>(*leases_, hearing_->presence(), parts_.clock);
  configure_nearness();
}

/// Counting knows nothing of one shopper: nothing is lent then.
void App::Impl::configure_nearness() {
  leases_->configure(config_.privacy == config::PrivacyMode::counting ? std::nullopt : config_.shoppers);
  nearness_->configure(config_.radio.broadcast, secrets_.beacons, presence_settings(config_).zones);
}

void App::Impl::heard(std::vector<Event> events) {
  auto lent = lent_happenings(events, surroundings_.boot_id + fmt::format("/{}", ledger_->boot_seq()),
                              [this] { return nearness_->raised(guests_->here()); });
  wifi_visits_.take_over(lent);
  triggers_->happen(std::move(lent));
  record(std::move(events));
}

Result<void> App::Impl::start_radio() {
  refresh_broadcasts();
  return parts_.radio->start(*hearing_).context("start the radio");
}

Result<void> App::Impl::start_upstream() {
  if (!config_.upstream) return {};
  auto publisher = make_publisher_(*config_.upstream);
  if (!publisher) return fail(publisher);
  upstream_ = std::make_unique<Upstream>(uplink_settings(config_, *ledger_, surroundings_, parts_.clock), *ledger_,
                                         std::move(*publisher), parts_.core, parts_.clock, parts_.timers);
  const sync::Identity identity{config_.gateway.tenant, config_.gateway.store, config_.gateway.id, ledger_->epoch()};
  orders_ = std::make_unique<Orders>(
      identity, *ledger_, *admin_services_, *clerk_, parts_.clock, [this] { return *ceilings_.load(); },
      [this](ports::OutboundMessage message) { upstream_->publish(std::move(message)); });
  upstream_->on_downlink([this](const ports::InboundMessage& message) { orders_->take(message); });
  upstream_->on_behind([this] {
    spdlog::critical("ending, to be started again with a new epoch");
    surroundings_.quit(1);
  });
  upstream_seen_ = upstream_.get();
  return upstream_->start().context("start the uplink");
}

void App::Impl::stop() {
  timers_.clear();
  if (parts_.radio) parts_.radio->stop();
  if (open_) record({{Stream::health, "gateway.stopped", "", "{}"}});
  feed_.close();
  offer_waits_.close();
  parts_.core.close();  // every waiting request fails now, so that the listeners can end
  for (auto* server :
       {parts_.guest_http.get(), parts_.guest_https.get(), parts_.admin_http.get(), parts_.control.get()})
    if (server != nullptr) server->stop();
  if (clerk_ && guests_) keep_counters();
  if (clerk_) clerk_->stop();
  if (upstream_) upstream_->stop(1000ms);
  if (ledger_) ledger_->close();
}

App::App(config::Config config, Parts parts, Surroundings surroundings, MakePublisher make_publisher)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(parts), std::move(surroundings),
                                   std::move(make_publisher))) {}
App::~App() = default;
Result<void> App::start() { return impl_->start(); }
void App::reload() { impl_->reload(); }
void App::stop() { impl_->stop(); }
std::string App::headline() const { return impl_->headline(); }
std::uint16_t App::guest_port() const { return impl_->parts().guest_http->port(); }
std::uint16_t App::admin_port() const { return impl_->parts().admin_http->port(); }

}  // namespace foyer::app
