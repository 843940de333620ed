#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "base/session.hpp"
#include "base/uuid.hpp"
#include "campaign/exchange.hpp"
#include "portal/printing.hpp"
#include "ports/http_server.hpp"

/// What the portal asks of the rest of the house. app answers by asking the core loop and the ledger; tests answer
/// from memory. Every method is called on pool threads, many at once, and may wait up to the request's deadline.
/// Code::retry becomes 503 overloaded; every other failure a 500 that is logged.
namespace foyer::portal {

/// Who is at this address, as the house attests it.
struct Visitor {
  std::string subject;             ///< pseudonym; stable for this device while its key lasts
  std::string device;              ///< pseudonym of the MAC
  std::string pair;                ///< pseudonym of MAC·IP
  std::optional<Session> session;  ///< unexpired and open in the gate
  bool associated = false;         ///< on the shop's Wi-Fi now
  int presence = 0;                ///< level 0 to 5 (docs/campaigns.md)
  std::string zone;
  bool consented = false;             ///< to the terms in force
  std::vector<std::string> known_as;  ///< every pseudonym this device still has, newest first: whose coupons it may see
  std::optional<std::uint64_t> bytes_left;   ///< of the session's quota; nullopt: there is none
  std::vector<std::string> known_devices{};  ///< as known_as, of `device`
};

/// An identifier the shop lends to a shopper's app, for it to broadcast.
struct LentBeacon {
  BeaconId id;
  WallTime expires_at{};
};

struct AdmitOrder {
  IpAddress ip;
  Visitor visitor;
  campaign::AdmitCommand command;  ///< token part filled in; the session part is completed by the house
  std::optional<WallTime> latest;  ///< the session ends no later than this
};

/// A device that shows a QR for a phone that is in to vouch for it. Kept in memory for a few minutes.
struct Pairing {
  std::string id;  ///< 32 hex: in the address of its page
  IpAddress ip;    ///< of the device that began it
  std::string device;
  std::string number;    ///< what both screens show, so that the right one is let in
  bool consent = false;  ///< its holder agreed to the terms when it began
  bool confirmed = false;
};

/// Who is logged in at /staff.
struct StaffMember {
  std::string name;
  bool manager = false;
};
struct StaffEntry {
  std::string token;             ///< of the new session; empty: name or PIN are wrong, or waiting is asked for
  std::chrono::seconds wait{0};  ///< before anybody may try this name again
};

class Services {
 public:
  virtual ~Services() = default;

  /// Code::refuse: no device of the guests' side has this address.
  virtual Result<Visitor> who(const IpAddress& ip) = 0;
  /// Committed to the ledger, then open in the kernel, then answered.
  virtual Result<campaign::AdmitAnswer> admit(const AdmitOrder& order) = 0;
  /// Moves a session to the device at `ip` and shuts its old address. nullopt: there is no such session any more.
  virtual Result<std::optional<Session>> carry(const std::string& session, const IpAddress& ip) = 0;
  /// The token body (portal/token.hpp) that was kept for a typed code; nullopt: none, or it is over.
  virtual Result<std::optional<Bytes>> token_body(const std::string& code) = 0;
  /// False: `device`, or all devices together, guessed wrong too often lately.
  virtual Result<bool> may_guess(const std::string& device) = 0;
  virtual void guessed(const std::string& device, bool right) = 0;
  /// A device has one pairing at a time: a new one takes the place of its older one.
  virtual Result<Pairing> begin_pairing(const Visitor& device, const IpAddress& ip, bool consent) = 0;
  virtual Result<std::optional<Pairing>> pairing(const std::string& id) = 0;
  /// Once: nullopt when it is unknown, over or confirmed. rate_limited: `session` vouched for enough devices.
  virtual Result<tl::expected<std::optional<Pairing>, campaign::Reason>> confirm_pairing(
      const std::string& id, const std::string& session) = 0;
  /// The device was not let in after all: it waits again, and `session` may vouch for as many as before.
  virtual Result<void> release_pairing(const std::string& id, const std::string& session) = 0;
  virtual Result<campaign::DrawAnswer> draw(const campaign::DrawCommand& command) = 0;
  virtual Result<std::optional<campaign::Coupon>> coupon(const std::string& id) = 0;
  virtual Result<std::vector<campaign::Coupon>> coupons_of(const std::string& subject) = 0;
  /// Of all these names, after `after`; with `wait` and none there, held for nearly 4 s until one comes.
  virtual Result<std::vector<campaign::Offer>> offers(const std::vector<std::string>& names, std::uint64_t after,
                                                      bool wait) = 0;
  virtual Result<campaign::TillAnswer> till(const campaign::TillRequest& request) = 0;
  /// A PIN is judged; Code::retry: too many are being judged.
  virtual Result<StaffEntry> staff_enter(const IpAddress& ip, const std::string& name, const std::string& pin) = 0;
  /// Whose session this is; a session belongs to the address it was begun from.
  virtual Result<std::optional<StaffMember>> staff_member(const IpAddress& ip, const std::string& token) = 0;
  virtual Result<void> staff_leave(const std::string& token) = 0;
  /// What a guest who is in may show at the till so that a sale is theirs.
  virtual Result<std::string> member_code(const std::string& subject) = 0;
  /// Everything under every name of this visitor; their sessions end and the gate shuts.
  virtual Result<void> erase(const Visitor& visitor) = 0;
  virtual Result<std::string> export_json(const Visitor& visitor) = 0;
  /// Given: under the visitor's name. Taken back: what is known under any of their names is erased; they stay in.
  virtual Result<void> consent(const Visitor& visitor, bool given, const std::string& terms_hash) = 0;
  /// In force, or begun once and taken away since: what was won by its rules may still be used. nullopt: unknown.
  virtual Result<std::optional<campaign::Campaign>> campaign(const std::string& id) = 0;
  /// Code::refuse: this shop lends none.
  virtual Result<LentBeacon> lend_beacon(const std::string& subject) = 0;
  /// What a phone says it hears now. It proves what it can; nothing comes back, so that nobody can try values out.
  virtual Result<void> report_heard(const std::string& subject, const std::vector<BeaconId>& heard) = 0;
  /// Asks first, then counts: false when `subject` did `what` more than `limit` times in the last minute.
  virtual Result<bool> within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) = 0;
  virtual WallTime now() = 0;
  /// The portal itself refused: counted by whoever counts. `what` as in docs/metrics.md.
  virtual void refused(std::string_view what, campaign::Reason reason) {
    (void)what;
    (void)reason;
  }
  /// A request was answered 500 because of this: the one who logs is told here. `where` is the route's pattern.
  virtual void failed(std::string_view where, const Error& error) {
    (void)where;
    (void)error;
  }
};

/// What the operator's side asks besides. The same threads and failures.
class AdminServices {
 public:
  virtual ~AdminServices() = default;
  virtual Result<std::string> status_json() = 0;
  virtual Result<std::string> radio_json() = 0;
  virtual Result<std::string> presence_json() = 0;
  /// How many shoppers were in each zone in each hour of the last day.
  virtual Result<std::string> presence_hours_json() = 0;
  virtual Result<std::string> clients_json() = 0;
  virtual Result<std::string> outbox_json() = 0;
  virtual Result<std::string> metrics_text() = 0;
  virtual Result<std::string> campaigns_json() = 0;
  virtual Result<std::string> campaign_json(const std::string& id) = 0;
  /// Takes one campaign as JSON. Code::refuse says what is wrong with it.
  virtual Result<std::string> push_campaign(const std::string& text) = 0;
  virtual Result<std::string> pause_campaign(const std::string& id, bool paused) = 0;
  virtual Result<std::string> set_segments(const std::string& subject, const std::vector<std::string>& names) = 0;
  /// The funnel and the holdouts of the last local days, suppressed below privacy.k.
  virtual Result<std::string> stats_json(int days) = 0;
  /// JSON that lists each part, and whether guests can be served.
  virtual std::pair<bool, std::string> ready() = 0;
  virtual Result<std::string> admit(const std::string& ip_or_mac) = 0;
  /// Ends its session; with `keep_out` the device is refused everything for so long.
  virtual Result<std::string> remove(const std::string& ip_or_mac, std::optional<std::chrono::seconds> keep_out) = 0;
  /// {token, url, kind, expires_at, code}. Code::refuse names what is wrong with the order.
  virtual Result<std::string> mint_token(const std::string& kind, const std::string& zone,
                                         std::optional<std::chrono::seconds> ttl) = 0;
  /// What a picture shows; mints the token it needs.
  virtual Result<PrintFacts> print_facts(const PrintOrder& order) = 0;
  /// A new signing key; {key, previous: [{key, until}]}. What is out stays good until it ends.
  virtual Result<std::string> rotate_tokens() = 0;
  // Coupons, staff and people's data. Code::refuse carries the reason.
  /// By id, code, or what the QR code says.
  virtual Result<std::string> coupon_json(const std::string& typed) = 0;
  virtual Result<std::string> void_coupon(const std::string& typed, const std::string& reason,
                                          const campaign::Order& order) = 0;
  virtual Result<std::string> redeem(const std::string& typed) = 0;
  virtual Result<std::string> import_codes(const std::string& campaign, const std::string& prize,
                                           std::vector<std::string> codes, bool dry) = 0;
  virtual Result<std::string> coupon_key_json() = 0;
  virtual Result<std::string> staff_json() = 0;
  /// An empty pin: one is made and told.
  virtual Result<std::string> add_staff(const std::string& name, const std::string& role, const std::string& pin) = 0;
  virtual Result<std::string> remove_staff(const std::string& name) = 0;
  virtual Result<std::string> export_subject(const std::string& subject) = 0;
  virtual Result<std::string> erase_subject(const std::string& subject) = 0;
  /// Events from now on, one JSON object each, as server-sent events.
  virtual std::shared_ptr<ports::HttpStream> follow_events() = 0;
};

}  // namespace foyer::portal
