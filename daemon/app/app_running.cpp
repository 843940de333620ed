// What happens while it runs: timers, keys, what is stored and told.
#include "app/app_impl.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace foyer::app {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {
constexpr std::uint64_t kLongLog = 8 << 20;  // bytes: only a reader that does not end lets it grow so far
constexpr std::chrono::hours kKeyAge{24};    // then new events name everybody anew (docs/privacy.md)
}  // namespace

/// What open sessions have used is recorded now and then, so that it outlives a reboot of the box.
void App::Impl::keep_counters() {
  auto counted = guests_->newly_counted();
  if (counted.empty()) return;
  const bool posted = clerk_->post([this, counted = std::move(counted)] {
    if (auto kept = ledger_->count_sessions(counted, kUnhurriedLedger); !kept)
      spdlog::warn("counters of {} sessions not recorded: {}", counted.size(), kept.error().message);
  });
  if (!posted) spdlog::warn("counters not recorded: too many tasks wait");
}

void App::Impl::start_timers() {
  timers_.push_back(parts_.timers.every(1s, [this] {
    if (ledger_->figures().broken) {
      spdlog::critical("the ledger stores nothing any more: ending, to be started again: {}", ledger_->why_broken());
      return surroundings_.quit(1);
    }
    hearing_->tick();
    leases_->tick();
    triggers_->happen(wifi_visits_.step(nearness_->raised(guests_->here()), parts_.clock.mono()));
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

Snapshot App::Impl::snapshot() const {
  Snapshot s;
  s.version = surroundings_.version;
  s.up_seconds = std::chrono::duration<double>(parts_.clock.mono() - started_).count();
  s.heard = hearing_->figures();
  s.radio = parts_.radio->status();
  s.presence = hearing_->presence().figures();
  s.least_shoppers = config_.privacy == config::PrivacyMode::counting ? config_.privacy_k : 0;
  s.eids = hearing_->resolver().size();
  s.leases = leases_->size();
  s.leases_evicted = leases_->evictions();
  s.wrong_minors = nearness_->wrong();
  s.reports = nearness_->size();
  s.reports_evicted = nearness_->evictions();
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
  if (config_.privacy == config::PrivacyMode::counting)
    return fmt::format("{} guests, {}", guests_->open_sessions(), upstream);
  return fmt::format("{} guests, {} shoppers' beacons here, {}", guests_->open_sessions(),
                     hearing_->presence().figures().shoppers, upstream);
}

}  // namespace foyer::app
