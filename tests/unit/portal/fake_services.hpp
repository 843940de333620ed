#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "portal/portal.hpp"

namespace foyer::portal::test {

inline const WallTime kNow = from_unix_ms(1'763'780'400'000);  // 2025-11-22T03:00:00Z

/// The house from memory. What a test wants to see is recorded; what it wants to be told is set.
class FakeServices final : public Services {
 public:
  Result<Visitor> who(const IpAddress& ip) override {
    ++asked;
    if (throws) throw std::runtime_error("thrown on purpose");
    if (broken) return fail(*broken, "broken on purpose");
    auto found = visitors.find(ip);
    if (found == visitors.end()) return fail(Code::refuse, "nobody at that address");
    return found->second;
  }
  Result<campaign::AdmitAnswer> admit(const AdmitOrder& order) override {
    orders.push_back(order);
    campaign::AdmitAnswer answer;
    answer.refused = refuse_admit;
    answer.session = admitted.value_or(order.command.session);
    return answer;
  }
  Result<std::optional<Session>> carry(const std::string& session, const IpAddress& ip) override {
    carried.emplace_back(session, to_string(ip));
    for (auto& [from, visitor] : visitors) {
      if (!visitor.session || visitor.session->id != session) continue;
      auto moved = *visitor.session;
      visitor.session.reset();
      visitors[ip].session = moved;
      return std::optional(moved);
    }
    return std::optional<Session>();
  }
  Result<std::optional<Bytes>> token_body(const std::string& typed) override {
    const auto found = typed_codes.find(typed);
    return found == typed_codes.end() ? std::nullopt : std::optional(found->second);
  }
  Result<bool> may_guess(const std::string&) override { return may_type; }
  void guessed(const std::string&, bool right) override { guesses.push_back(right); }
  Result<Pairing> begin_pairing(const Visitor& device, const IpAddress& ip, bool consent) override {
    pairings.push_back({"0123456789abcdef0123456789abcdef", ip, device.device, "0417", consent, false});
    return pairings.back();
  }
  Result<std::optional<Pairing>> pairing(const std::string& id) override {
    for (const auto& one : pairings)
      if (one.id == id) return std::optional(one);
    return std::optional<Pairing>();
  }
  Result<tl::expected<std::optional<Pairing>, campaign::Reason>> confirm_pairing(const std::string& id,
                                                                                 const std::string&) override {
    using Answer = tl::expected<std::optional<Pairing>, campaign::Reason>;
    for (auto& one : pairings)
      if (one.id == id && !one.confirmed) {
        one.confirmed = true;
        return Answer(std::optional(one));
      }
    return Answer(std::optional<Pairing>());
  }
  Result<void> release_pairing(const std::string& id, const std::string&) override {
    for (auto& one : pairings)
      if (one.id == id) one.confirmed = false;
    return {};
  }
  Result<campaign::DrawAnswer> draw(const campaign::DrawCommand& command) override {
    draws.push_back(command);
    return draw_answer;
  }
  Result<std::optional<campaign::Coupon>> coupon(const std::string& id) override {
    for (const auto& one : coupons)
      if (one.id == id) return std::optional(one);
    return std::optional<campaign::Coupon>();
  }
  Result<std::vector<campaign::Coupon>> coupons_of(const std::string& subject) override {
    std::vector<campaign::Coupon> out;
    for (const auto& one : coupons)
      if (one.subject == subject) out.push_back(one);
    return out;
  }
  Result<std::vector<campaign::Offer>> offers(const std::vector<std::string>& names, std::uint64_t after,
                                              bool wait) override {
    offers_asked.push_back({names, after, wait});
    std::vector<campaign::Offer> out;
    for (const auto& one : offer_list)
      if (one.seq > after) out.push_back(one);
    return out;
  }
  void refused(std::string_view what, campaign::Reason reason) override {
    refusals.push_back(std::string(what) + " " + std::string(to_string(reason)));
  }
  Result<campaign::TillAnswer> till(const campaign::TillRequest& request) override {
    asked_at_till.push_back(request);
    return till_answer;
  }
  Result<StaffEntry> staff_enter(const IpAddress&, const std::string& name, const std::string& pin) override {
    if (staff_wait.count() > 0) return StaffEntry{"", staff_wait};
    return name == "mei" && pin == "4711" ? StaffEntry{"token-of-mei", {}} : StaffEntry{};
  }
  Result<std::optional<StaffMember>> staff_member(const IpAddress&, const std::string& token) override {
    if (token != "token-of-mei") return std::optional<StaffMember>();
    return std::optional<StaffMember>(StaffMember{"mei", staff_may_void});
  }
  Result<void> staff_leave(const std::string& token) override {
    left.push_back(token);
    return {};
  }
  Result<std::string> member_code(const std::string& subject) override { return "member-" + subject; }
  Result<void> erase(const Visitor& visitor) override {
    erased.push_back(visitor.subject);
    return {};
  }
  Result<std::string> export_json(const Visitor& visitor) override { return "{\"of\":\"" + visitor.subject + "\"}"; }
  Result<void> consent(const Visitor& visitor, bool given, const std::string&) override {
    consents.emplace_back(visitor.subject, given);
    return {};
  }
  Result<std::optional<campaign::Campaign>> campaign(const std::string& id) override {
    const auto found = std::ranges::find(campaign_list, id, &campaign::Campaign::id);
    return found == campaign_list.end() ? std::nullopt : std::optional(*found);
  }
  Result<LentBeacon> lend_beacon(const std::string& subject) override {
    if (!lent) return fail(Code::refuse, "this shop lends no identifiers");
    lent_to.push_back(subject);
    return *lent;
  }
  Result<void> report_heard(const std::string& subject, const std::vector<BeaconId>& heard) override {
    reports.emplace_back(subject, heard);
    return {};
  }
  Result<bool> within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) override {
    return counts[subject + what]++ < limit;
  }
  WallTime now() override { return time; }
  void failed(std::string_view where, const Error& error) override {
    failures.push_back(std::string(where) + ": " + error.message);
  }

  std::map<IpAddress, Visitor> visitors;
  std::optional<Code> broken;
  std::optional<campaign::Reason> refuse_admit;
  campaign::DrawAnswer draw_answer;
  campaign::TillAnswer till_answer;
  std::vector<campaign::Coupon> coupons;
  std::vector<campaign::Campaign> campaign_list;
  WallTime time = kNow;

  struct OffersAsked {
    std::vector<std::string> names;
    std::uint64_t after = 0;
    bool wait = false;
  };
  std::vector<campaign::Offer> offer_list;
  std::vector<OffersAsked> offers_asked;
  std::vector<std::string> refusals;

  int asked = 0;
  bool throws = false;
  std::optional<Session> admitted;  // what admit answers with, where the test says
  std::vector<AdmitOrder> orders;
  std::vector<std::pair<std::string, std::string>> carried;  // session, address
  std::map<std::string, Bytes> typed_codes;
  bool may_type = true;
  std::vector<bool> guesses;
  std::vector<Pairing> pairings;
  std::vector<campaign::DrawCommand> draws;
  std::vector<campaign::TillRequest> asked_at_till;
  std::vector<std::pair<std::string, bool>> consents;
  std::vector<std::string> failures, left, erased;
  std::chrono::seconds staff_wait{0};
  bool staff_may_void = false;
  std::map<std::string, std::uint32_t> counts;
  std::optional<LentBeacon> lent;
  std::vector<std::string> lent_to;
  std::vector<std::pair<std::string, std::vector<BeaconId>>> reports;
};

/// A portal with one phone that is in (10.77.0.2), one that is associated only (10.77.0.3), and a way to ask it.
class House {
 public:
  House() : House(default_settings()) {}
  explicit House(Settings settings) : portal(settings, keys(), services, tally, counting()) {
    Visitor in{"subject-a", "device-a", "pair-a", Session{}, true, 3, "entrance", true, {"subject-a"}, {}};
    in.session->id = "11111111111111111111111111111111";
    in.session->until = kNow + std::chrono::hours(1);
    services.visitors[*parse_ip("10.77.0.2")] = in;
    services.visitors[*parse_ip("10.77.0.3")] = {"subject-b", "device-b", "pair-b", std::nullopt,  true,
                                                 0,           "",         false,    {"subject-b"}, {}};
  }

  static TokenKeys keys() {
    TokenKeys out;
    out.current.id = 2;
    out.current.secret.fill(0x42);
    out.previous.push_back({1, {}, kNow + std::chrono::hours(2)});
    out.previous.front().secret.fill(0x17);
    return out;
  }
  static Random counting() {
    return [n = std::uint8_t{0}](std::span<std::uint8_t> out) mutable {
      for (auto& byte : out) byte = ++n;
    };
  }
  static Settings default_settings() {
    Settings out;
    out.gateway = "gw-01";
    out.store = "store-001";
    out.languages = {"zh-CN", "en"};
    out.brand = {{"zh-CN", "示例店"}, {"en", "Example <Store>"}};
    out.own_hosts = {"10.77.0.1", "gw-01.shops.example"};
    out.redirect = "http://10.77.0.1/";
    out.terms = {{"en", "Be nice."}, {"zh-CN", "请文明上网。"}};
    out.pos_keys = {{"till", sha256(as_bytes("secret-key"))}};
    out.zones = {{"entrance", {{"en", "Entrance"}, {"zh-CN", "入口"}}}};
    return out;
  }

  std::string token(TokenKind kind, std::string zone = "entrance") const {
    return mint({kind, "store-001", std::move(zone), std::chrono::hours(12)}, keys(), services.time,
                std::chrono::seconds(30), counting())
        .text;
  }

  static ports::HttpRequest request(std::string method, std::string target, std::string from = "10.77.0.2") {
    ports::HttpRequest out;
    out.method = std::move(method);
    out.target = std::move(target);
    const auto mark = out.target.find('?');
    out.path = out.target.substr(0, mark);
    if (mark != std::string::npos) out.query = ports::parse_query(std::string_view(out.target).substr(mark + 1));
    out.headers = {{"Host", "10.77.0.1"}, {"Accept-Language", "en"}};
    out.remote = *parse_ip(from);
    out.local_port = 8080;
    return out;
  }
  ports::HttpResponse get(std::string target, std::string from = "10.77.0.2") const {
    return portal.handle(request("GET", std::move(target), std::move(from)));
  }
  ports::HttpResponse form(std::string target, std::string body, std::string from = "10.77.0.2") const {
    auto out = request("POST", std::move(target), std::move(from));
    out.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    out.body = std::move(body);
    return portal.handle(out);
  }
  ports::HttpResponse json(std::string target, const nlohmann::json& body, std::string from = "10.77.0.2",
                           ports::HttpHeaders more = {}) const {
    auto out = request("POST", std::move(target), std::move(from));
    out.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
    out.headers.insert(out.headers.end(), more.begin(), more.end());
    out.body = body.dump();
    return portal.handle(out);
  }

  FakeServices services;
  Tally tally;
  Portal portal;
};

inline std::string header(const ports::HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}
inline nlohmann::json body(const ports::HttpResponse& response) { return nlohmann::json::parse(response.body); }
inline std::string code(const ports::HttpResponse& response) { return body(response).value("code", ""); }

}  // namespace foyer::portal::test
