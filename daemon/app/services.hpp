#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/guesses.hpp"
#include "app/guests.hpp"
#include "app/pairings.hpp"
#include "app/rates.hpp"
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
  };

  /// What the core keeps for the guests' side; touched only by what the core runs.
  struct Core {
    Mailbox& box;
    Guests& guests;
    Rates& rates;
    Guesses& guesses;
    Pairings& pairings;
    StaffSessions& staff;
  };

  Services(Settings settings, Core core, ledger::Ledger& ledger, const ports::Clock& clock,
           std::function<std::string()> terms_hash)
      : settings_(settings),
        core_(core.box),
        guests_(core.guests),
        rates_(core.rates),
        guesses_(core.guesses),
        pairings_(core.pairings),
        ledger_(ledger),
        clock_(clock),
        door_(core.box, core.staff, ledger, clock),
        terms_hash_(std::move(terms_hash)) {}

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
  Result<void> consent(const std::string& subject, bool given, const std::string& terms_hash) override;
  Result<std::vector<campaign::Campaign>> campaigns() override;
  Result<bool> within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) override;
  void failed(std::string_view where, const Error& error) override;
  WallTime now() override { return clock_.wall(); }

 private:
  const Settings settings_;
  Mailbox& core_;
  Guests& guests_;  // touched only by what the core runs
  Rates& rates_;    // these three likewise
  Guesses& guesses_;
  Pairings& pairings_;
  ledger::Ledger& ledger_;
  const ports::Clock& clock_;
  StaffDoor door_;
  const std::function<std::string()> terms_hash_;  // of the terms in force; any thread
};

}  // namespace foyer::app
