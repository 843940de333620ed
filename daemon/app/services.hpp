#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/guests.hpp"
#include "app/leases.hpp"
#include "app/nearness.hpp"
#include "app/rates.hpp"
#include "base/mailbox.hpp"
#include "ledger/ledger.hpp"
#include "portal/services.hpp"

namespace foyer::app {

/// Answers the portal: what lives in memory is asked of the core loop, what must last of the ledger. Pool threads.
class Services final : public portal::Services {
 public:
  struct Settings {
    std::chrono::seconds session_length{7200};
    std::chrono::milliseconds core_deadline{1000};
    std::chrono::milliseconds ledger_deadline{3000};
  };

  Services(Settings settings, Mailbox& core, Guests& guests, Rates& rates, Leases& leases, Nearness& nearness,
           ledger::Ledger& ledger, const ports::Clock& clock, std::function<std::string()> terms_hash)
      : settings_(settings),
        core_(core),
        guests_(guests),
        rates_(rates),
        leases_(leases),
        nearness_(nearness),
        ledger_(ledger),
        clock_(clock),
        terms_hash_(std::move(terms_hash)) {}

  Result<portal::Visitor> who(const IpAddress& ip) override;
  Result<campaign::AdmitAnswer> admit(const portal::AdmitOrder& order) override;
  Result<campaign::DrawAnswer> draw(const campaign::DrawCommand& command) override;
  Result<std::optional<campaign::Coupon>> coupon(const std::string& id) override;
  Result<std::vector<campaign::Coupon>> coupons_of(const std::string& subject) override;
  Result<campaign::TillAnswer> till_check(const campaign::TillRequest& request) override;
  Result<campaign::TillAnswer> till_redeem(const campaign::TillRequest& request) override;
  Result<void> consent(const std::string& subject, bool given, const std::string& terms_hash) override;
  Result<std::vector<campaign::Campaign>> campaigns() override;
  Result<portal::LentBeacon> lend_beacon(const std::string& subject) override;
  Result<void> report_heard(const std::string& subject, const std::vector<BeaconId>& heard) override;
  Result<bool> within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) override;
  void failed(std::string_view where, const Error& error) override;
  WallTime now() override { return clock_.wall(); }

 private:
  const Settings settings_;
  Mailbox& core_;
  Guests& guests_;  // touched only by what the core runs
  Rates& rates_;    // likewise
  Leases& leases_;
  Nearness& nearness_;
  ledger::Ledger& ledger_;
  const ports::Clock& clock_;
  const std::function<std::string()> terms_hash_;  // of the terms in force; any thread
};

}  // namespace foyer::app
