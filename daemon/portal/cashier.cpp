#include "portal/cashier.hpp"

#include <algorithm>
#include <array>

#include "campaign/till_rules.hpp"

namespace foyer::portal {

using campaign::Reason;
using campaign::TillAction;
using campaign::TillRequest;
using nlohmann::json;
using ports::HttpResponse;

namespace {

constexpr std::size_t kLongestField = 64;
constexpr std::size_t kLongestKey = 128;

/// Every key is compared in full, whichever fits: the time says nothing about the keys.
const PosKey* key_of(const Call& call, std::string_view bearer) {
  const auto digest = sha256(as_bytes(bearer));
  const PosKey* found = nullptr;
  for (const auto& key : call.settings().pos_keys)
    if (constant_time_equal(digest, key.sha256)) found = &key;
  return found;
}

HttpResponse unauthorized(const Call& call) {
  auto out = call.refuse(401, "unauthorized",
                         "Authorization: Bearer KEY with a key of pos.keys_file is needed, or a session of /staff");
  out.headers.emplace_back("WWW-Authenticate", "Bearer");
  return out;
}

HttpResponse wrong(const char* key, const std::string& what) {
  return problem(400, "bad_request", std::string(key) + ": " + what);
}

/// Reads field after field and keeps the first refusal.
class Body {
 public:
  explicit Body(const json& body) : body_(body) {}

  std::string text(const char* key, std::size_t most = kLongestField) {
    if (refusal_) return {};
    auto read = read_string(body_, key, most);
    if (read) return std::move(*read);
    refusal_ = read.error();
    return {};
  }
  std::optional<Money> amount() {
    const auto amount = text("amount"), currency = text("currency", 3);
    if (refusal_ || amount.empty()) return std::nullopt;
    if (currency.empty()) {
      refuse(wrong("currency", "is needed with amount"));
      return std::nullopt;
    }
    auto money = parse_money(amount, currency);
    if (!money) {
      refuse(wrong("amount", money.error().message));
      return std::nullopt;
    }
    return *std::move(money);
  }
  std::chrono::seconds ttl() {
    const auto found = body_.find("ttl");
    if (refusal_ || found == body_.end() || found->is_null()) return campaign::kUsualReservation;
    const auto most = campaign::kLongestReservation.count();
    if (found->is_number_unsigned() && *found >= 1u && *found <= static_cast<unsigned>(most))
      return std::chrono::seconds(found->get<std::int64_t>());
    refuse(wrong("ttl", "must be a number of seconds, 1 to " + std::to_string(most)));
    return {};
  }
  void refuse(HttpResponse response) {
    if (!refusal_) refusal_ = std::move(response);
  }
  const std::optional<HttpResponse>& refusal() const { return refusal_; }

 private:
  const json& body_;
  std::optional<HttpResponse> refusal_;
};

void read_void(Body& body, TillRequest& request) {
  constexpr std::array<std::string_view, 3> kReasons{"refund", "mistake", "dispute"};
  request.reservation = body.text("reservation");
  request.reason = body.text("reason");
  request.sale = body.text("sale");
  if (std::ranges::find(kReasons, request.reason) == kReasons.end())
    body.refuse(wrong("reason", "is needed: refund, mistake or dispute"));
}

void read_shown_code(const Call& call, Body& body, TillRequest& request) {
  const auto typed = body.text("code", campaign::kLongestSeal);
  if (body.refusal()) return;
  if (typed.empty()) {
    const bool may_lack = request.action == TillAction::sale ||
                          (request.action == TillAction::void_ && !(request.sale.empty() && request.check_no.empty()));
    if (!may_lack) body.refuse(wrong("code", "is needed"));
    return;
  }
  const auto known = read_shown(call, typed, request);
  if (!known)
    body.refuse(refused_at_till(call, known.error()));
  else if (!*known)
    body.refuse(problem(404, "not_found", "no coupon has this code"));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

tl::expected<Cashier, HttpResponse> cashier_of(const Call& call) {
  constexpr std::string_view kBearer = "Bearer ";
  const auto header = call.request.header("Authorization");
  if (header.starts_with(kBearer)) {
    if (const auto* key = key_of(call, header.substr(kBearer.size()))) return Cashier{key->name, false, true};
    return tl::make_unexpected(unauthorized(call));
  }
  const auto staff = staff_of(call);
  if (!staff) return tl::make_unexpected(staff.error());
  if (!*staff) return tl::make_unexpected(unauthorized(call));
  return Cashier{(*staff)->name, true, (*staff)->manager};
}

tl::expected<std::optional<StaffMember>, HttpResponse> staff_of(const Call& call) {
  const auto token = staff_token(call.request);
  if (token.empty()) return std::optional<StaffMember>();
  auto member = call.services().staff_member(call.request.remote, token);
  if (!member) return tl::make_unexpected(call.failed(member.error()));
  return *std::move(member);
}

std::string staff_token(const ports::HttpRequest& request) {
  auto rest = request.header("Cookie");
  while (!rest.empty()) {
    auto pair = trimmed(rest.substr(0, rest.find(';')));
    rest.remove_prefix(
        std::min(rest.size(), rest.find(';') == std::string_view::npos ? rest.size() : rest.find(';') + 1));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != kStaffCookie) continue;
    return std::string(pair.substr(equals + 1).substr(0, 64));
  }
  return {};
}

tl::expected<bool, Reason> read_shown(const Call& call, std::string_view typed, TillRequest& request) {
  typed = trimmed(typed);
  // What is refused before the ledger is asked is counted here, the ledger's own where it answers.
  if (campaign::looks_sealed(typed)) {
    auto seal = campaign::open_seal(typed, call.settings().shop_keys);
    if (!seal) {
      call.services().refused("till", seal.error());
      return tl::make_unexpected(seal.error());
    }
    request.sealed = std::move(*seal);
    request.typed = request.sealed->id;
    return true;
  }
  request.code = campaign::canonical_code(typed).value_or("");
  if (campaign::is_own_code(typed)) request.typed = typed;
  if (!request.code.empty() || !request.typed.empty()) return true;
  call.services().refused("till", Reason::not_found);
  return false;
}

tl::expected<TillRequest, HttpResponse> read_till(const Call& call, TillAction action, const Cashier& cashier) {
  const auto object = read_object(call.request);
  if (!object) return tl::make_unexpected(object.error());
  Body body(*object);
  TillRequest request;
  request.action = action;
  request.store = body.text("store");
  request.terminal = body.text("terminal");
  request.operator_ = body.text("operator");
  request.check_no = body.text("check_no");
  const auto idempotency = body.text("idempotency_key", kLongestKey);
  request.amount = body.amount();
  if (action == TillAction::reserve) request.ttl = body.ttl();
  if (action == TillAction::reserve || action == TillAction::redeem) request.reservation = body.text("reservation");
  if (action == TillAction::void_) read_void(body, request);
  if (action == TillAction::sale && !request.amount) body.refuse(wrong("amount", "is needed for a sale"));
  read_shown_code(call, body, request);
  if (body.refusal()) return tl::make_unexpected(*body.refusal());
  if (request.store.empty()) request.store = call.settings().store;
  if (cashier.staff) request.operator_ = cashier.name;
  // Two tills that count from 1 must not get each other's answers.
  if (!idempotency.empty())
    request.idempotency_key = (cashier.staff ? "/staff/" : "") + cashier.name + ":" + idempotency;
  return request;
}

json coupon_at_till(const Call& call, const campaign::Coupon& coupon) {
  auto out = coupon_json(call, coupon);
  out.erase("code");
  out.erase("url");
  out.update({{"uses_left", coupon.uses_left},
              {"campaign", coupon.campaign},
              {"prize", coupon.prize},
              {"title", call.text(coupon.title)},
              {"benefit", benefit_json(call, coupon.benefit)}});
  if (coupon.state == campaign::CouponState::reserved) out["reserved_until"] = to_rfc3339(coupon.reserved_until);
  return out;
}

HttpResponse refused_at_till(const Call& call, Reason reason) {
  switch (reason) {
    case Reason::not_found: return call.refuse(404, reason);
    case Reason::rate_limited: return call.refuse(429, reason);
    case Reason::overloaded: return call.refuse(503, reason);
    default: return call.refuse(409, reason);
  }
}

}  // namespace foyer::portal
