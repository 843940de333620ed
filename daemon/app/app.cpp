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
#include "app/guesses.hpp"
#include "app/guests.hpp"
#include "app/hearing.hpp"
#include "app/leases.hpp"
#include "app/nearness.hpp"
#include "app/offer_waits.hpp"
#include "app/orders.hpp"
#include "app/pairings.hpp"
#include "app/rates.hpp"
#include "app/refusals.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"
#include "app/settings.hpp"
#include "app/tls_watch.hpp"
#include "app/triggers.hpp"
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
  void set_up_hearing();
  void configure_nearness();
  Result<void> listen();
  Result<void> serve();
  Result<void> start_radio();
  Result<void> start_upstream();
  void make_portal();
  void keep_counters();
  config::Config seen_config() const;
  void make_admin();
  void start_timers();
  void rotate_keys();
  void watch_storage();
  Result<portal::MintedToken> mint(const portal::TokenOrder& order);
  Result<portal::TokenKeys> rotate_tokens();
  void refresh_broadcasts();
  void stored(const std::vector<StoredEvent>& events);
  void forget(const std::string& subject);
  void record(std::vector<Event> events);
  void heard(std::vector<Event> events);
  std::optional<std::pair<config::Config, ledger::Ledger::Applied>> read_again();
  void take(config::Config fresh, const ledger::Ledger::Applied& applied);
  Snapshot snapshot() const;
  Admin::Core admin_core();
  std::string folder() const { return std::filesystem::path(config_.storage.path).parent_path().string(); }
  std::uint16_t guest_port() const { return parts_.guest_http->port(); }
  std::uint16_t https_port() const { return parts_.guest_https ? parts_.guest_https->port() : std::uint16_t{0}; }

  config::Config config_;
  Parts parts_;
  Surroundings surroundings_;
  MakePublisher make_publisher_;

  Secrets secrets_;
  MonoTime started_{};
  std::uint64_t events_refused_ = 0;
  Rates rates_;
  Guesses guesses_;
  Pairings pairings_;
  portal::Tally tally_;
  Refusals refusals_;
  OfferWaits offer_waits_;
  std::unique_ptr<Triggers> triggers_;
  WifiVisits wifi_visits_{[this](const std::string& zone) { return zone_times(config_, zone); }};
  Feed feed_;
  StaffSessions staff_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<Clerk> clerk_;
  std::unique_ptr<Guests> guests_;
  std::unique_ptr<Leases> leases_;
  std::unique_ptr<Hearing> hearing_;
  std::unique_ptr<Nearness> nearness_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<Admin> admin_services_;
  std::unique_ptr<portal::Admin> admin_socket_;
  std::atomic<std::shared_ptr<const portal::Admin>> admin_http_;  // replaced whole on reload
  std::unique_ptr<TlsWatch> tls_;                                 ///< null: no TLS
  std::atomic<std::shared_ptr<const portal::Portal>> portal_;     // read by pool threads, replaced whole on reload
  std::unique_ptr<Upstream> upstream_;
  std::atomic<Upstream*> upstream_seen_{nullptr};  // by the ledger's thread
  std::unique_ptr<Orders> orders_;
  std::atomic<std::shared_ptr<const campaign::Ceilings>> ceilings_;  // read by the clerk, replaced whole on reload
  std::vector<ports::TimerHandle> timers_;
  std::vector<ports::Broadcast> on_air_;
  std::atomic<bool> reloading_{false};  // cleared by the clerk when the core cannot be told
  bool once_more_ = false;
  bool storage_full_ = false, log_long_ = false;  // said in the log
  bool open_ = false;                             // start() came to its end
};

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

Result<void> App::Impl::apply_campaigns() {
  ceilings_ = std::make_shared<const campaign::Ceilings>(config_.promotions.ceilings);
  if (auto ruled = ledger_->use_offer_rules(config_.promotions.offers, kLedger); !ruled) return ruled;
  auto campaigns = config::read_campaigns(config_.campaigns, config_.promotions.ceilings);
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
  guests_->limit(guest_limits(config_));
  triggers_ = std::make_unique<Triggers>(*ledger_, *clerk_, refusals_, [this] {
    const auto portal = portal_.load();
    return portal ? portal->required_terms() : std::string();
  });
}

/// What open sessions have used is recorded now and then, so that it outlives a reboot of the box.
void App::Impl::keep_counters() {
  auto counted = guests_->newly_counted();
  if (counted.empty()) return;
  const bool posted = clerk_->post([this, counted = std::move(counted)] {
    if (auto kept = ledger_->count_sessions(counted, kLedger); !kept)
      spdlog::warn("counters of {} sessions not recorded: {}", counted.size(), kept.error().message);
  });
  if (!posted) spdlog::warn("counters not recorded: too many tasks wait");
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
                              [this] { return guests_->here(); });
  wifi_visits_.take_over(lent);
  triggers_->happen(std::move(lent));
  record(std::move(events));
}

Result<void> App::Impl::listen() {
  constexpr std::size_t kGuestBody = 8 * 1024, kAdminBody = 64 * 1024;
  const auto bind = [](ports::HttpServer& server, const ports::HttpListen& listen) {
    return server.bind(listen).context("listen on " + listen.address);
  };
  if (auto bound = bind(*parts_.guest_http, {config_.portal.http, 192, 256, kGuestBody, "", ""}); !bound) return bound;
  if (parts_.guest_https) {
    const auto& https = *config_.portal.https;
    const ports::HttpListen order{https.listen, 192, 256, kGuestBody, https.certificate, https.key};
    if (auto bound = bind(*parts_.guest_https, order); !bound) return bound;
    tls_ = std::make_unique<TlsWatch>(https, *parts_.guest_https, order, parts_.clock, surroundings_.build_date,
                                      [this] { make_portal(); });
  }
  if (auto bound = bind(*parts_.admin_http, {config_.admin.http, 24, 64, kAdminBody, "", ""}); !bound) return bound;
  if (auto bound = bind(*parts_.control, {"unix:" + config_.admin.socket, 24, 64, kAdminBody, "", ""}); !bound)
    return bound;
  if (!parts_.gate) return {};
  const auto policy = gate_policy(config_, guest_port(), https_port());
  parts_.gate->on_back([this] {
    spdlog::info("the gate is back");
    guests_->reconcile();
  });
  // Guests who are in stay in without foyer-gate; new ones wait. So a missing gate is not the end of the start.
  if (auto laid = parts_.gate->setup(policy); !laid)
    spdlog::error("the gate is not there yet: {}", laid.error().message);
  if (auto started = parts_.stations->start(*guests_); !started) return std::move(started).context("watch the Wi-Fi");
  const auto recorded = ledger_->sessions(kLedger);
  if (!recorded) return fail(recorded);
  guests_->reconcile(*recorded);
  return {};
}

/// As phones see it: without TLS while they would not accept the certificate.
config::Config App::Impl::seen_config() const {
  auto config = config_;
  if (tls_ && !tls_->usable()) config.portal.https.reset();
  return config;
}

/// The password is read again on reload; one that cannot be read leaves the one before.
void App::Impl::make_admin() {
  const auto password = admin_password(config_);
  if (!password) return spdlog::error("reload: admin.password_file is not taken: {}", password.error().message);
  admin_http_.store(std::make_shared<const portal::Admin>(*admin_services_, *password));
}

void App::Impl::make_portal() {
  if (!services_) return;  // not serving yet
  auto settings = portal_settings(seen_config(), secrets_, guest_port());
  if (config_.portal.https) settings.own_hosts.push_back(config_.portal.https->host);
  auto made =
      std::make_shared<const portal::Portal>(std::move(settings), secrets_.tokens, *services_, tally_, kernel_random);
  portal_.store(std::move(made));
}

Result<void> App::Impl::serve() {
  Services::Settings settings;
  settings.session_length = config_.wifi.session_length;
  const Services::Core core{parts_.core, *guests_,   rates_, guesses_,    pairings_,
                            *leases_,    *nearness_, staff_, offer_waits_};
  services_ = std::make_unique<Services>(
      settings, core, *ledger_, parts_.clock, refusals_, [this] { return portal_.load()->terms_hash(); },
      [this] { return portal_.load()->required_terms(); });
  make_portal();
  const auto handler = [this](const ports::HttpRequest& request) { return portal_.load()->handle(request); };
  if (auto serving = parts_.guest_http->serve(handler); !serving) return serving;
  if (parts_.guest_https)
    if (auto serving = parts_.guest_https->serve(handler); !serving) return serving;

  auto password = admin_password(config_);
  if (!password) return fail(password);
  admin_http_.store(std::make_shared<const portal::Admin>(*admin_services_, *password));
  admin_socket_ = std::make_unique<portal::Admin>(*admin_services_);  // guarded by the socket's mode
  if (auto serving =
          parts_.admin_http->serve([this](const ports::HttpRequest& r) { return admin_http_.load()->handle(r); });
      !serving)
    return serving;
  return parts_.control->serve([this](const ports::HttpRequest& r) { return admin_socket_->handle(r); });
}

Admin::Core App::Impl::admin_core() {
  return {parts_.core,
          *guests_,
          *hearing_,
          feed_,
          staff_,
          [this] { return snapshot(); },
          [this] { return parts_.radio->status(); },
          [this](const portal::TokenOrder& order) { return mint(order); },
          [this] { return rotate_tokens(); },
          [this] { return portal_settings(config_, secrets_, guest_port()).shop_keys; },
          [this] { return config_; },
          [this] { return portal_url(seen_config(), guest_port()); }};
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

void App::Impl::start_timers() {
  timers_.push_back(parts_.timers.every(1s, [this] {
    if (ledger_->figures().broken) {
      spdlog::critical("the ledger met an I/O error and stores nothing any more: ending, to be started again");
      return surroundings_.quit(1);
    }
    hearing_->tick();
    leases_->tick();
    triggers_->happen(wifi_visits_.step(guests_->here(), parts_.clock.mono()));
    refresh_broadcasts();
    watch_storage();
    if (upstream_) upstream_->look();
  }));
  timers_.push_back(parts_.timers.every(30s, [this] {
    if (orders_) orders_->look();
  }));
  timers_.push_back(parts_.timers.every(5s, [this] {
    guests_->tick();
    if (tls_) tls_->look();
  }));
  timers_.push_back(parts_.timers.every(60s, [this] { keep_counters(); }));
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
  hearing_->set_own(own_at(config_.radio.broadcast, secrets_.beacons, parts_.clock.wall()));
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

Result<portal::MintedToken> App::Impl::mint(const portal::TokenOrder& order) {
  const auto now = parts_.clock.wall();
  // Its end is counted from now: minted by a clock that stands in the past it would be over when the clock is set.
  if (order.kind != portal::TokenKind::screen && now < surroundings_.build_date)
    return fail(Code::refuse, "clock_untrusted: the clock says {}, which is before this program was built",
                to_rfc3339(now));
  auto minted = portal::mint(order, secrets_.tokens, now, config_.portal.screen_rotation, kernel_random);
  if (auto noted = note_signed(folder(), secrets_, minted.expires); !noted) return fail(noted);
  return minted;
}

Result<portal::TokenKeys> App::Impl::rotate_tokens() {
  const auto now = parts_.clock.wall();
  // The screens' newest code and the passes of those who are in were signed without being noted.
  const auto least =
      now + std::max<std::chrono::seconds>(config_.wifi.session_length, 2 * config_.portal.screen_rotation);
  if (auto rotated = app::rotate_tokens(folder(), secrets_, least, kernel_random, now); !rotated) return fail(rotated);
  make_portal();
  spdlog::info("token key rotated: {} signs, {} earlier accepted", secrets_.tokens.current.id,
               secrets_.tokens.previous.size());
  return secrets_.tokens;
}

void App::Impl::record(std::vector<Event> events) {
  const auto count = events.size();
  if (!ledger_->record(std::move(events))) events_refused_ += count;
}

void App::Impl::stored(const std::vector<StoredEvent>& events) {
  for (const auto& event : events) {
    feed_.push(sse_text(event, config_, ledger_->epoch()));
    if (event.event.type == "shake.won") offer_waits_.wake(event.event.subject);
    if (event.event.type == "consent.withdrawn") forget(event.event.subject);
  }
  if (upstream_) upstream_->look();
}

/// Who takes the consent back or is erased: what memory knows of them goes, too.
void App::Impl::forget(const std::string& subject) {
  if (subject.empty()) return;
  leases_->revoke(subject);
  nearness_->forget(subject);
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
  auto campaigns = fresh ? config::read_campaigns(fresh->campaigns, fresh->promotions.ceilings)
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
  if (auto ruled = ledger_->use_offer_rules(fresh->promotions.offers, kLedger); !ruled)
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
  if (parts_.gate)
    if (auto laid = parts_.gate->setup(gate_policy(config_, guest_port(), https_port())); !laid)
      spdlog::error("reload: {}", laid.error().message);
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
  s.presence = hearing_->presence().figures();
  s.eids = hearing_->resolver().size();
  s.leases = leases_->size();
  s.leases_evicted = leases_->evictions();
  s.wrong_minors = nearness_->wrong();
  s.sessions = guests_->sessions();
  s.sessions_open = guests_->open_sessions();
  s.gate_tallies = guests_->tallies();
  s.gate_times = guests_->gate_times();
  s.core_depth = parts_.core.depth();
  s.core_refused = parts_.core.refused();
  s.events_refused = events_refused_;
  s.refusals = refusals_.all();
  s.offer_waits = offer_waits_.size();
  s.wifi_visits = wifi_visits_.size();
  s.happenings_lost = triggers_->lost();
  s.has_uplink = upstream_ != nullptr;
  if (upstream_) s.uplink = upstream_->status();
  s.guest_http = parts_.guest_http->counters();
  s.probes = tally_.probes();
  s.admissions = tally_.admissions();
  s.admissions_refused = tally_.refusals();
  s.redirects = tally_.redirects();
  s.panics = tally_.panics();
  if (tls_) {
    s.certificate = tls_->json();
    s.certificate_days = tls_->days_left();
  }
  return s;
}

std::string App::Impl::headline() const {
  const auto upstream = !upstream_                      ? "no upstream"
                        : upstream_->status().connected ? "upstream connected"
                                                        : "upstream away";
  return fmt::format("{} guests, {} shoppers' beacons here, {}", guests_->open_sessions(),
                     hearing_->presence().figures().shoppers, upstream);
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
