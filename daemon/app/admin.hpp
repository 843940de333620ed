#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/feed.hpp"
#include "app/guests.hpp"
#include "app/hearing.hpp"
#include "app/metrics.hpp"
#include "app/staff.hpp"
#include "base/mailbox.hpp"
#include "config/config.hpp"
#include "ledger/ledger.hpp"
#include "portal/services.hpp"

namespace foyer::app {

/// Answers the operator's side. Pool threads; what lives in memory is asked of the core loop.
class Admin final : public portal::AdminServices {
 public:
  /// What the core knows and this class needs; all of it is touched only by tasks the core runs.
  struct Core {
    Mailbox& box;
    Guests& guests;
    const Hearing& hearing;
    Feed& feed;
    StaffSessions& staff;
    std::function<Snapshot()> snapshot;  ///< without the ledger's part
    std::function<ports::RadioStatus()> radio;
    /// Signs, and remembers how long the key is needed for it.
    std::function<Result<portal::MintedToken>(const portal::TokenOrder&)> mint;
    std::function<Result<portal::TokenKeys>()> rotate_tokens;
    std::function<std::vector<campaign::ShopKey>()> shop_keys;  ///< ours first
    std::function<config::Config()> config;
    std::function<std::string()> portal_url;  ///< "http://10.77.0.1": what stands before /q/{token}
  };

  Admin(Core core, ledger::Ledger& ledger, const ports::Clock& clock)
      : core_(std::move(core)), ledger_(ledger), clock_(clock) {}

  Result<std::string> status_json() override;
  Result<std::string> radio_json() override;
  Result<std::string> presence_json() override;
  Result<std::string> presence_hours_json() override;
  Result<std::string> clients_json() override;
  Result<std::string> outbox_json() override;
  Result<std::string> metrics_text() override;
  std::pair<bool, std::string> ready() override;
  Result<std::string> admit(const std::string& ip_or_mac) override;
  Result<std::string> remove(const std::string& ip_or_mac, std::optional<std::chrono::seconds> keep_out) override;
  Result<std::string> mint_token(const std::string& kind, const std::string& zone,
                                 std::optional<std::chrono::seconds> ttl) override;
  Result<portal::PrintFacts> print_facts(const portal::PrintOrder& order) override;
  Result<std::string> rotate_tokens() override;
  Result<std::string> coupon_json(const std::string& typed) override;
  Result<std::string> void_coupon(const std::string& typed, const std::string& reason,
                                  const campaign::Order& order) override;
  Result<std::string> redeem(const std::string& typed) override;
  Result<std::string> import_codes(const std::string& campaign, const std::string& prize,
                                   std::vector<std::string> codes, bool dry) override;
  Result<std::string> coupon_key_json() override;
  Result<std::string> staff_json() override;
  Result<std::string> add_staff(const std::string& name, const std::string& role, const std::string& pin) override;
  Result<std::string> remove_staff(const std::string& name) override;
  Result<std::string> export_subject(const std::string& subject) override;
  Result<std::string> erase_subject(const std::string& subject) override;
  Result<std::string> campaigns_json() override;
  Result<std::string> campaign_json(const std::string& id) override;
  Result<std::string> push_campaign(const std::string& text) override;
  Result<std::string> pause_campaign(const std::string& id, bool paused) override;
  Result<std::string> set_segments(const std::string& subject, const std::vector<std::string>& names) override;
  Result<std::string> stats_json(int days) override;
  std::shared_ptr<ports::HttpStream> follow_events() override;

 private:
  Result<Snapshot> snapshot();
  struct Minted {
    portal::MintedToken token;
    std::string url;
    std::string display;  ///< the link for a display; only where the token has its key
  };
  /// An order as the operator gave it, checked against the configuration.
  Result<Minted> mint_checked(portal::TokenKind kind, const std::string& zone, std::optional<std::chrono::seconds> ttl);
  /// Mints, and keeps the typed code where it cannot be made anew.
  Result<portal::MintedToken> mint(const portal::TokenOrder& order);
  Result<campaign::Coupon> find_coupon(const std::string& typed);

  Core core_;
  ledger::Ledger& ledger_;
  const ports::Clock& clock_;
};

}  // namespace foyer::app
