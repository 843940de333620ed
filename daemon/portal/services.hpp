#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"
#include "base/session.hpp"
#include "base/uuid.hpp"
#include "campaign/exchange.hpp"
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
};

class Services {
 public:
  virtual ~Services() = default;

  /// Code::refuse: no device of the guests' side has this address.
  virtual Result<Visitor> who(const IpAddress& ip) = 0;
  /// Committed to the ledger, then open in the kernel, then answered.
  virtual Result<campaign::AdmitAnswer> admit(const AdmitOrder& order) = 0;
  virtual Result<campaign::DrawAnswer> draw(const campaign::DrawCommand& command) = 0;
  virtual Result<std::optional<campaign::Coupon>> coupon(const std::string& id) = 0;
  virtual Result<std::vector<campaign::Coupon>> coupons_of(const std::string& subject) = 0;
  virtual Result<campaign::TillAnswer> till_check(const campaign::TillRequest& request) = 0;
  virtual Result<campaign::TillAnswer> till_redeem(const campaign::TillRequest& request) = 0;
  virtual Result<void> consent(const std::string& subject, bool given, const std::string& terms_hash) = 0;
  virtual Result<std::vector<campaign::Campaign>> campaigns() = 0;
  /// Code::refuse: this shop lends none.
  virtual Result<LentBeacon> lend_beacon(const std::string& subject) = 0;
  /// What a phone says it hears now. It proves what it can; nothing comes back, so that nobody can try values out.
  virtual Result<void> report_heard(const std::string& subject, const std::vector<BeaconId>& heard) = 0;
  /// Asks first, then counts: false when `subject` did `what` more than `limit` times in the last minute.
  virtual Result<bool> within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) = 0;
  virtual WallTime now() = 0;
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
  /// JSON that lists each part, and whether guests can be served.
  virtual std::pair<bool, std::string> ready() = 0;
  virtual Result<std::string> admit(const std::string& ip_or_mac) = 0;
  virtual Result<std::string> remove(const std::string& ip_or_mac) = 0;
  /// {token, url, kind, expires_at}. Code::refuse names what is wrong with the order.
  virtual Result<std::string> mint_token(const std::string& kind, const std::string& zone,
                                         std::optional<std::chrono::seconds> ttl) = 0;
  /// Events from now on, one JSON object each, as server-sent events.
  virtual std::shared_ptr<ports::HttpStream> follow_events() = 0;
};

}  // namespace foyer::portal
