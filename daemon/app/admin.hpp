#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/feed.hpp"
#include "app/guests.hpp"
#include "app/hearing.hpp"
#include "app/metrics.hpp"
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
    std::function<Snapshot()> snapshot;  ///< without the ledger's part
    std::function<ports::RadioStatus()> radio;
    std::function<portal::TokenKeys()> token_keys;
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
  Result<std::string> remove(const std::string& ip_or_mac) override;
  Result<std::string> mint_token(const std::string& kind, const std::string& zone,
                                 std::optional<std::chrono::seconds> ttl) override;
  std::shared_ptr<ports::HttpStream> follow_events() override;

 private:
  Result<Snapshot> snapshot();

  Core core_;
  ledger::Ledger& ledger_;
  const ports::Clock& clock_;
};

}  // namespace foyer::app
