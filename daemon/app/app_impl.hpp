#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <utility>

#include "app/admin.hpp"
#include "app/app.hpp"
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
#include "app/patience.hpp"
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

/// Logs what is allowed in these campaigns and should be known.
void tell_cautions(const std::vector<campaign::Campaign>& campaigns);

/// All of the daemon but its drivers. The core's thread, where a member does not say otherwise; the clerk's tasks and
/// the ledger's calls come back to it through the core's mailbox.
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

}  // namespace foyer::app
