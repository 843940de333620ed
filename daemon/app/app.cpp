#include "app/app.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "app/admin.hpp"
#include "app/broadcasts.hpp"
#include "app/clerk.hpp"
#include "app/feed.hpp"
#include "app/guests.hpp"
#include "app/hearing.hpp"
#include "app/orders.hpp"
#include "app/rates.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"
#include "app/settings.hpp"
#include "app/upstream.hpp"
#include "config/campaign_files.hpp"
#include "ledger/ledger.hpp"
#include "portal/admin.hpp"
#include "portal/portal.hpp"

namespace foyer::app {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {
constexpr auto kLedger = 10'000ms;           // a start or a reload may wait for a slow card
constexpr std::uint64_t kLongLog = 8 << 20;  // bytes: only a reader that does not end lets it grow so far
constexpr std::chrono::hours kKeyAge{24};    // then new events name everybody anew (docs/privacy.md)
}  // namespace

class App::Impl {
 public:
  Impl(config::Config config, Parts parts, Surroundings surroundings, MakePublisher make_publisher)
      : config_(std::move(config)),
        parts_(std::move(parts)),
        surroundings_(std::move(surroundings)),
        make_publisher_(std::move(make_publisher)) {}

  Result<void> start();
  void reload();
  void stop();
  std::string headline() const;

  Parts& parts() { return parts_; }

 private:
  Result<void> open_ledger();
  Result<void> apply_campaigns();
  void set_up_guests();
  Result<void> listen();
  Result<void> serve();
  Result<void> start_radio();
  Result<void> start_upstream();
  void make_portal();
  void start_timers();
  void rotate_keys();
  void watch_storage();
  void refresh_broadcasts();
  void stored(const std::vector<StoredEvent>& events);
  void record(std::vector<Event> events);
  std::optional<std::pair<config::Config, ledger::Ledger::Applied>> read_again();
  void take(config::Config fresh, const ledger::Ledger::Applied& applied);
  Snapshot snapshot() const;
  Admin::Core admin_core();
  std::string folder() const { return std::filesystem::path(config_.storage.path).parent_path().string(); }
  std::uint16_t guest_port() const { return parts_.guest_http->port(); }

  config::Config config_;
  Parts parts_;
  Surroundings surroundings_;
  MakePublisher make_publisher_;

  Secrets secrets_;
  MonoTime started_{};
  std::uint64_t events_refused_ = 0;
  Rates rates_;
  Feed feed_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<Clerk> clerk_;
  std::unique_ptr<Guests> guests_;
  std::unique_ptr<Hearing> hearing_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<Admin> admin_services_;
  std::unique_ptr<portal::Admin> admin_http_, admin_socket_;
  std::atomic<std::shared_ptr<const portal::Portal>> portal_;  // read by pool threads, replaced whole on reload
  std::unique_ptr<Upstream> upstream_;
  std::atomic<Upstream*> upstream_seen_{nullptr};  // by the ledger's thread
  std::unique_ptr<Orders> orders_;
  std::vector<ports::TimerHandle> timers_;
  std::vector<ports::Broadcast> on_air_;
  std::atomic<bool> reloading_{false};  // cleared by the clerk when the core cannot be told
  bool once_more_ = false;
  bool storage_full_ = false, log_long_ = false;  // said in the log
  bool open_ = false;                             // start() came to its end
};

Result<void> App::Impl::start() {
  started_ = parts_.clock.mono();
  if (const auto idle = config::without_effect(config_); !idle.empty())
    spdlog::warn("this version does not act on {} yet", fmt::join(idle, ", "));
  if (auto opened = open_ledger(); !opened) return opened;
  clerk_ = std::make_unique<Clerk>();
  if (auto applied = apply_campaigns(); !applied) return applied;
  set_up_guests();
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

Result<void> App::Impl::apply_campaigns() {
  auto campaigns = config::read_campaigns(config_.campaigns);
  if (!campaigns) {
    for (const auto& fault : campaigns.error()) spdlog::error("{}", to_string(fault));
    return fail(Code::refuse, "{} faults in the campaigns of {}", campaigns.error().size(), config_.campaigns);
  }
  const auto applied = ledger_->apply_campaigns("file", std::move(*campaigns), kLedger);
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
          if (auto ended = ledger_->end_session(end, kLedger); !ended)
            spdlog::error("session {} ended but not recorded: {}", end.session, ended.error().message);
        });
        if (!posted) spdlog::error("session {} ended but not recorded: too many wait", end.session);
      });
  hearing_ = std::make_unique<Hearing>(config_, parts_.clock, subjects,
                                       [this](std::vector<Event> events) { record(std::move(events)); });
}

Result<void> App::Impl::listen() {
  constexpr std::size_t kGuestBody = 8 * 1024, kAdminBody = 64 * 1024;
  const auto bind = [](ports::HttpServer& server, const ports::HttpListen& listen) {
    return server.bind(listen).context("listen on " + listen.address);
  };
  if (auto bound = bind(*parts_.guest_http, {config_.portal.http, 192, 256, kGuestBody, "", ""}); !bound) return bound;
  if (parts_.guest_https) {
    const auto& https = *config_.portal.https;
    if (auto bound = bind(*parts_.guest_https, {https.listen, 192, 256, kGuestBody, https.certificate, https.key});
        !bound)
      return bound;
  }
  if (auto bound = bind(*parts_.admin_http, {config_.admin.http, 24, 64, kAdminBody, "", ""}); !bound) return bound;
  if (auto bound = bind(*parts_.control, {"unix:" + config_.admin.socket, 24, 64, kAdminBody, "", ""}); !bound)
    return bound;
  if (!parts_.gate) return {};
  const auto https_port = parts_.guest_https ? parts_.guest_https->port() : std::uint16_t{0};
  const auto policy = gate_policy(config_, guest_port(), https_port);
  parts_.gate->on_back([this] {
    spdlog::info("the gate is back");
    if (auto same = guests_->reconcile(); !same) spdlog::error("reconcile the gate: {}", same.error().message);
  });
  // Guests who are in stay in without foyer-gate; new ones wait. So a missing gate is not the end of the start.
  if (auto laid = parts_.gate->setup(policy); !laid)
    spdlog::error("the gate is not there yet: {}", laid.error().message);
  if (auto started = parts_.stations->start(*guests_); !started) return std::move(started).context("watch the Wi-Fi");
  const auto recorded = ledger_->sessions(kLedger);
  if (!recorded) return fail(recorded);
  if (auto same = guests_->reconcile(*recorded); !same) spdlog::error("reconcile the gate: {}", same.error().message);
  return {};
}

void App::Impl::make_portal() {
  auto settings = portal_settings(config_, guest_port());
  auto made = std::make_shared<const portal::Portal>(std::move(settings), secrets_.tokens, *services_, kernel_random);
  portal_.store(std::move(made));
}

Result<void> App::Impl::serve() {
  Services::Settings settings;
  settings.session_length = config_.wifi.session_length;
  services_ = std::make_unique<Services>(settings, parts_.core, *guests_, rates_, *ledger_, parts_.clock,
                                         [this] { return portal_.load()->terms_hash(); });
  make_portal();
  const auto handler = [this](const ports::HttpRequest& request) { return portal_.load()->handle(request); };
  if (auto serving = parts_.guest_http->serve(handler); !serving) return serving;
  if (parts_.guest_https)
    if (auto serving = parts_.guest_https->serve(handler); !serving) return serving;

  auto password = admin_password(config_);
  if (!password) return fail(password);
  admin_http_ = std::make_unique<portal::Admin>(*admin_services_, *password);
  admin_socket_ = std::make_unique<portal::Admin>(*admin_services_);  // guarded by the socket's mode
  if (auto serving = parts_.admin_http->serve([this](const ports::HttpRequest& r) { return admin_http_->handle(r); });
      !serving)
    return serving;
  return parts_.control->serve([this](const ports::HttpRequest& r) { return admin_socket_->handle(r); });
}

Admin::Core App::Impl::admin_core() {
  return {parts_.core,
          *guests_,
          *hearing_,
          feed_,
          [this] { return snapshot(); },
          [this] { return parts_.radio->status(); },
          [this] { return secrets_.tokens; },
          [this] { return config_; },
          [this] { return portal_url(config_, guest_port()); }};
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
  orders_ =
      std::make_unique<Orders>(identity, *ledger_, *admin_services_, *clerk_, parts_.clock,
                               [this](ports::OutboundMessage message) { upstream_->publish(std::move(message)); });
  upstream_->on_downlink([this](const ports::InboundMessage& message) { orders_->take(message); });
  upstream_seen_ = upstream_.get();
  return upstream_->start().context("start the uplink");
}

void App::Impl::start_timers() {
  timers_.push_back(parts_.timers.every(1s, [this] {
    if (ledger_->figures().broken) {
      spdlog::critical("the ledger met an I/O error and stores nothing any more: ending, to be started again");
      return surroundings_.quit(1);
    }
    hearing_->tick();
    refresh_broadcasts();
    watch_storage();
    if (upstream_) upstream_->look();
  }));
  timers_.push_back(parts_.timers.every(30s, [this] {
    if (orders_) orders_->look();
  }));
  timers_.push_back(parts_.timers.every(5s, [this] { guests_->tick(); }));
  timers_.push_back(parts_.timers.every(10min, [this] { rotate_keys(); }));
}

/// Says once that something is wrong with the storage, and once that it is over.
void App::Impl::watch_storage() {
  const auto figures = ledger_->figures();
  const auto changed = [](bool& was, bool is) { return std::exchange(was, is) != is; };
  if (changed(storage_full_, figures.full))
    figures.full ? spdlog::error("{} is full: decisions are refused until there is room",
                                 figures.disk_full ? "the disk" : "the storage")
                 : spdlog::info("there is room again: decisions are made");
  if (changed(log_long_, figures.wal_bytes > kLongLog) && log_long_)
    spdlog::warn("the write-ahead log has {} bytes: does another program read {} for long?", figures.wal_bytes,
                 config_.storage.path);
}

void App::Impl::refresh_broadcasts() {
  auto wanted = broadcasts_at(config_.radio.broadcast, secrets_.beacons, parts_.clock.wall());
  const auto same = [](const ports::Broadcast& a, const ports::Broadcast& b) {
    return a.id == b.id && a.measured_power == b.measured_power && a.adapter == b.adapter;
  };
  if (wanted.size() == on_air_.size() && std::equal(wanted.begin(), wanted.end(), on_air_.begin(), same)) return;
  on_air_ = std::move(wanted);
  hearing_->set_own(on_air_);
  parts_.radio->broadcast(on_air_);
}

void App::Impl::rotate_keys() {
  const auto rotated = rotate_pseudonyms(folder(), secrets_, kKeyAge, kernel_random, parts_.clock.wall());
  if (!rotated) return spdlog::error("pseudonym key not rotated: {}", rotated.error().message);
  if (!*rotated) return;
  const Subjects subjects(secrets_.pseudonyms);
  if (guests_) guests_->use(subjects);
  if (hearing_) hearing_->use(subjects);
  spdlog::info("pseudonym key rotated");
}

void App::Impl::record(std::vector<Event> events) {
  const auto count = events.size();
  if (!ledger_->record(std::move(events))) events_refused_ += count;
}

void App::Impl::stored(const std::vector<StoredEvent>& events) {
  for (const auto& event : events) feed_.push(sse_text(event, config_, ledger_->epoch()));
  if (upstream_) upstream_->look();
}

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
  auto campaigns = fresh ? config::read_campaigns(fresh->campaigns)
                         : tl::expected<std::vector<campaign::Campaign>, Faults>{std::vector<campaign::Campaign>{}};
  if (!fresh || !campaigns) {
    for (const auto& fault : fresh ? campaigns.error() : fresh.error()) spdlog::error("reload: {}", to_string(fault));
    spdlog::error("reload: nothing was changed");
    return std::nullopt;
  }
  auto applied = ledger_->apply_campaigns("file", std::move(*campaigns), kLedger);
  if (!applied) {
    spdlog::error("reload: nothing was changed: campaigns: {}", applied.error().message);
    return std::nullopt;
  }
  return std::pair{std::move(*fresh), std::move(*applied)};
}

void App::Impl::take(config::Config fresh, const ledger::Ledger::Applied& applied) {
  for (const auto& [id, why] : applied.refused) spdlog::error("reload: campaign {} not changed: {}", id, why);
  const auto waiting = config::needs_restart(config_, fresh);
  if (!waiting.empty()) spdlog::warn("reload: {} changed and waits for a restart", fmt::join(waiting, ", "));
  config_ = config::keep_fixed(config_, std::move(fresh));
  make_portal();
  hearing_->reconfigure(config_);
  refresh_broadcasts();
  spdlog::info("reload: done, {} campaigns applied", applied.applied.size());
}

Snapshot App::Impl::snapshot() const {
  Snapshot s;
  s.version = surroundings_.version;
  s.up_seconds = std::chrono::duration<double>(parts_.clock.mono() - started_).count();
  s.heard = hearing_->figures();
  s.radio = parts_.radio->status();
  s.identifiers = hearing_->presence().figures().identifiers;
  s.here = hearing_->presence().figures().here;
  s.sessions = guests_->sessions();
  s.sessions_open = guests_->open_sessions();
  s.core_depth = parts_.core.depth();
  s.core_refused = parts_.core.refused();
  s.events_refused = events_refused_;
  s.has_uplink = upstream_ != nullptr;
  if (upstream_) s.uplink = upstream_->status();
  s.guest_http = parts_.guest_http->counters();
  return s;
}

std::string App::Impl::headline() const {
  const auto upstream = !upstream_                      ? "no upstream"
                        : upstream_->status().connected ? "upstream connected"
                                                        : "upstream away";
  return fmt::format("{} guests, {} beacons here, {}", guests_->open_sessions(), hearing_->presence().figures().here,
                     upstream);
}

void App::Impl::stop() {
  timers_.clear();
  if (parts_.radio) parts_.radio->stop();
  if (open_) record({{Stream::health, "gateway.stopped", "", "{}"}});
  feed_.close();
  parts_.core.close();  // every waiting request fails now, so that the listeners can end
  for (auto* server :
       {parts_.guest_http.get(), parts_.guest_https.get(), parts_.admin_http.get(), parts_.control.get()})
    if (server != nullptr) server->stop();
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
