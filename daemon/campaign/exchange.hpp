#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/money.hpp"
#include "base/session.hpp"
#include "campaign/coupon.hpp"
#include "campaign/coupon_seal.hpp"
#include "campaign/draw.hpp"

/// The words in which the portal asks and the ledger answers. Values; each command becomes one transaction.
namespace foyer::campaign {

// ---- draws ---------------------------------------------------------------------------------------------------

struct DrawCommand {
  std::string nonce_hash;  ///< SHA-256 of the nonce, hex, cut to 32 characters: the identity of the draw
  Shopper shopper;
  std::string session;
  std::string mode;  ///< shake | tap
  /// Why nothing is drawn any more: only what was recorded for the nonce is answered, else denied for this.
  std::optional<Reason> replay_only{};
  std::vector<std::string> known_as{};  ///< every name this device still has: what they won counts together
};

struct WonPrize {
  std::string id;
  PrizeKind kind = PrizeKind::nothing;
  Text title;
  std::optional<Benefit> benefit;  ///< coupon
  std::optional<Money> amount;     ///< red packet
};

struct DrawAnswer {
  enum class Result { won, lost, denied };
  Result result = Result::denied;
  std::string campaign;  ///< empty when there is none at all
  std::optional<WonPrize> prize;
  std::optional<Coupon> coupon;
  std::optional<Reason> reason;  ///< with denied
};

// ---- offers --------------------------------------------------------------------------------------------------

/// Something happened to a shopper for which campaigns may have an offer.
struct TriggerCommand {
  Trigger trigger = Trigger::wifi;
  std::string instance;  ///< names this one happening for good: told again, it brings nothing new
  Shopper shopper;
  std::vector<std::string> known_as{};  ///< as in DrawCommand
  std::string terms{};                  ///< hash of the terms that must have been agreed to; empty: none
};

/// What a shopper won without asking.
struct Offer {
  std::uint64_t seq = 0;  ///< ascending, never given twice
  WallTime at{};
  Trigger trigger = Trigger::wifi;
  std::string zone;
  DrawAnswer answer;  ///< result won
};

struct TriggerAnswer {
  std::vector<Offer> offers;    ///< what this happening brought, also when it is told again
  std::vector<Reason> refused;  ///< of each campaign that did not take the shopper
};

// ---- campaigns as they stand ---------------------------------------------------------------------------------

struct CampaignState {
  Campaign campaign;   ///< paused as it counts
  std::string source;  ///< file, mqtt:<id>, admin:<id>
  bool started = false;
  bool held = false;          ///< paused by the operator
  std::uint32_t version = 0;  ///< counts its changes from 1
  std::uint32_t won = 0, won_today = 0;
  std::map<std::string, std::uint32_t> issued;  ///< by prize
};

// ---- admission -----------------------------------------------------------------------------------------------

struct AdmitCommand {
  Session session;                       ///< to record; an unexpired session of the same pair is extended instead
  std::string token_hash;                ///< of a single-use or daily-capped token; empty: none
  bool once = false;                     ///< token_hash lets in one device, ever (a receipt)
  bool single_use = false;               ///< this device may use token_hash only once
  std::chrono::seconds cooldown{0};      ///< the same device with the same token within it: the same session again
  std::uint32_t per_device_per_day = 0;  ///< 0: no cap
  bool consent = false;                  ///< recorded with its time when true
  std::string terms_hash;                ///< of the text agreed to
  // For the offers that coming in may bring: triggers wifi and qr.
  int presence = 0;                     ///< level once in
  std::string near{};                   ///< zone the device is proved to be near in; empty: that of the session
  std::vector<std::string> known_as{};  ///< as in DrawCommand
  std::string terms{};                  ///< as in TriggerCommand
  /// Every name session.device still has: per_device_per_day counts them all.
  std::vector<std::string> known_devices{};
};

struct AdmitAnswer {
  Session session;
  bool again = false;                 ///< nothing new was recorded: the same device asked twice
  std::optional<Reason> refused;      ///< already_redeemed (single use) or rate_limited (per day); nothing was recorded
  std::vector<Offer> offers{};        ///< what coming in brought
  std::vector<Reason> passed_over{};  ///< of each campaign that gave nothing for it
};

struct SessionEnd {
  std::string session;
  std::string reason;  ///< expired | removed | blocked | idle | quota | challenged | replaced
  std::uint64_t bytes_up = 0, bytes_down = 0;
};

struct SessionBytes {
  std::string session;
  std::uint64_t up = 0, down = 0;
};

// ---- till ----------------------------------------------------------------------------------------------------

enum class TillAction { check, reserve, redeem, void_, sale };

/// A guest who is in and whose coupon or member code is shown, as the house attests them.
struct Holder {
  std::string subject;  ///< in use now
  std::string zone;
  std::vector<std::string> known_as;  ///< as in DrawCommand
};

/// A command from upstream, and what it is told once it is carried out: remembered in the same transaction, so that the
/// same command that comes again after a cut hears the same. An empty key: nobody asks again.
struct Order {
  std::string key;
  std::string answer;
};

struct TillRequest {
  TillAction action = TillAction::check;
  std::string code;                  ///< canonical (canonical_code); empty: what was typed is none
  std::string typed;                 ///< as it was typed: may be of a merchant's own list, or a member code
  std::optional<CouponSeal> sealed;  ///< of another shop, its signature good
  std::string store, terminal, operator_, check_no;
  std::optional<Money> amount;  ///< of the purchase
  std::string idempotency_key;  ///< the same key, the same answer; may be empty
  std::chrono::seconds ttl{0};  ///< reserve
  std::string reservation;      ///< redeem: the one reserve answered; void: gives it up; reserve: makes it longer
  std::string reason;           ///< void: refund | mistake | dispute
  std::string sale;             ///< void: a sale by its id
  // sale: for what it may trigger
  std::optional<Holder> holder{};  ///< absent: whoever it is is not in, and gets nothing
  std::string terms{};             ///< as in TriggerCommand
};

struct TillAnswer {
  std::optional<Reason> refused;
  std::optional<Coupon> coupon;       ///< as it stands after the call; absent where the code is not known
  std::string sale;                   ///< sale, and void of a sale: its id
  std::vector<DrawAnswer> triggered;  ///< sale: what purchase campaigns gave
  std::vector<Reason> passed_over{};  ///< sale: of each purchase campaign that gave nothing; not kept
  bool key_in_use = false;            ///< refused because the idempotency key belongs to another request
};

}  // namespace foyer::campaign
