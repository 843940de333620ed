#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/guesses.hpp"
#include "app/guests.hpp"
#include "app/leases.hpp"
#include "app/nearness.hpp"
#include "app/offer_waits.hpp"
#include "app/pairings.hpp"
#include "app/rates.hpp"
#include "app/refusals.hpp"
#include "app/staff.hpp"
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

  /// What the core keeps for the guests' side; touched only by what the core runs.
  struct Core {
    Mailbox& box;
    Guests& guests;
    Rates& rates;
    Guesses& guesses;
    Pairings& pairings;
    Leases& leases;
    Nearness& nearness;
    StaffSessions& staff;
    OfferWaits& waits;
  };

  Services(Settings settings, Core core, ledger::Ledger& ledger, const ports::Clock& clock, Refusals& refusals,
           std::function<std::string()> terms_hash, std::function<std::string()> required_terms)
      : settings_(settings),
        core_(core.box),
        guests_(core.guests),
        rates_(core.rates),
        guesses_(core.guesses),
        pairings_(core.pairings),
        leases_(core.leases),
        nearness_(core.nearness),
        ledger_(ledger),
        clock_(clock),
        door_(core.box, core.staff, ledger, clock),
        waits_(core.waits),
        refusals_(refusals),
        terms_hash_(std::move(terms_hash)),
        required_terms_(std::move(required_terms)) {}

  Result<portal::Visitor> who(const IpAddress& ip) override;
  Result<campaign::AdmitAnswer> admit(const portal::AdmitOrder& order) override;
  Result<std::optional<Session>> carry(const std::string& session, const IpAddress& ip) override;
  Result<std::optional<Bytes>> token_body(const std::string& code) override;
  Result<bool> may_guess(const std::string& device) override;
  void guessed(const std::string& device, bool right) override;
  Result<portal::Pairing> begin_pairing(const portal::Visitor& device, const IpAddress& ip, bool consent) override;
  Result<std::optional<portal::Pairing>> pairing(const std::string& id) override;
  Result<tl::expected<std::optional<portal::Pairing>, campaign::Reason>> confirm_pairing(
      const std::string& id, const std::string& session) override;
  Result<void> release_pairing(const std::string& id, const std::string& session) override;
  Result<campaign::DrawAnswer> draw(const campaign::DrawCommand& command) override;
  Result<std::optional<campaign::Coupon>> coupon(const std::string& id) override;
  Result<std::vector<campaign::Coupon>> coupons_of(const std::string& subject) override;
  Result<campaign::TillAnswer> till(const campaign::TillRequest& request) override;
  Result<portal::StaffEntry> staff_enter(const IpAddress& ip, const std::string& name, const std::string& pin) override;
  Result<std::optional<portal::StaffMember>> staff_member(const IpAddress& ip, const std::string& token) override;
  Result<void> staff_leave(const std::string& token) override;
  Result<std::string> member_code(const std::string& subject) override;
  Result<void> erase(const portal::Visitor& visitor) override;
  Result<std::string> export_json(const portal::Visitor& visitor) override;
  Result<std::vector<campaign::Offer>> offers(const std::vector<std::string>& names, std::uint64_t after,
                                              bool wait) override;
  Result<void> consent(const portal::Visitor& visitor, bool given, const std::string& terms_hash) override;
  Result<std::optional<campaign::Campaign>> campaign(const std::string& id) override;
  Result<portal::LentBeacon> lend_beacon(const std::string& subject) override;
  Result<void> report_heard(const std::string& subject, const std::vector<BeaconId>& heard) override;
  Result<bool> within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) override;
  void refused(std::string_view what, campaign::Reason reason) override { refusals_.count(what, reason); }
  void failed(std::string_view where, const Error& error) override;
  WallTime now() override { return clock_.wall(); }

 private:
  Result<void> place(const portal::AdmitOrder& order, campaign::AdmitCommand& command);
  Result<void> name_holder(campaign::TillRequest& request);

  const Settings settings_;
  Mailbox& core_;
  Guests& guests_;  // touched only by what the core runs
  Rates& rates_;    // these five likewise
  Guesses& guesses_;
  Pairings& pairings_;
  Leases& leases_;
  Nearness& nearness_;
  ledger::Ledger& ledger_;
  const ports::Clock& clock_;
  StaffDoor door_;
  OfferWaits& waits_;  // touched only by what the core runs
  Refusals& refusals_;
  const std::function<std::string()> terms_hash_;      // of the terms in force; any thread
  const std::function<std::string()> required_terms_;  // likewise; empty where consent is not required
};

}  // namespace foyer::app
