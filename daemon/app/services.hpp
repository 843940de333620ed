#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/guests.hpp"
#include "app/offer_waits.hpp"
#include "app/rates.hpp"
#include "app/refusals.hpp"
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
    std::chrono::milliseconds offers_held{3500};  ///< a request has 4 s in all
  };

  Services(Settings settings, Mailbox& core, Guests& guests, Rates& rates, ledger::Ledger& ledger,
           const ports::Clock& clock, OfferWaits& waits, Refusals& refusals, std::function<std::string()> terms_hash,
           std::function<std::string()> required_terms)
      : settings_(settings),
        core_(core),
        guests_(guests),
        rates_(rates),
        ledger_(ledger),
        clock_(clock),
        waits_(waits),
        refusals_(refusals),
        terms_hash_(std::move(terms_hash)),
        required_terms_(std::move(required_terms)) {}

  Result<portal::Visitor> who(const IpAddress& ip) override;
  Result<campaign::AdmitAnswer> admit(const portal::AdmitOrder& order) override;
  Result<campaign::DrawAnswer> draw(const campaign::DrawCommand& command) override;
  Result<std::optional<campaign::Coupon>> coupon(const std::string& id) override;
  Result<std::vector<campaign::Coupon>> coupons_of(const std::string& subject) override;
  Result<std::vector<campaign::Offer>> offers(const std::vector<std::string>& names, std::uint64_t after,
                                              bool wait) override;
  Result<campaign::TillAnswer> till_check(const campaign::TillRequest& request) override;
  Result<campaign::TillAnswer> till_redeem(const campaign::TillRequest& request) override;
  Result<void> consent(const std::string& subject, bool given, const std::string& terms_hash) override;
  Result<std::vector<campaign::Campaign>> campaigns() override;
  Result<bool> within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) override;
  void refused(std::string_view what, campaign::Reason reason) override { refusals_.count(what, reason); }
  void failed(std::string_view where, const Error& error) override;
  WallTime now() override { return clock_.wall(); }

 private:
  const Settings settings_;
  Mailbox& core_;
  Guests& guests_;  // touched only by what the core runs
  Rates& rates_;    // likewise
  ledger::Ledger& ledger_;
  const ports::Clock& clock_;
  OfferWaits& waits_;  // touched only by what the core runs
  Refusals& refusals_;
  const std::function<std::string()> terms_hash_;      // of the terms in force; any thread
  const std::function<std::string()> required_terms_;  // likewise; empty where consent is not required
};

}  // namespace foyer::app
