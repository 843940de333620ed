#include <initializer_list>
#include <tuple>

#include "portal/call.hpp"

namespace foyer::portal {

using campaign::Reason;
using campaign::TillAnswer;
using campaign::TillRequest;
using nlohmann::json;
using ports::HttpResponse;

namespace {

constexpr std::size_t kLongestField = 64;
constexpr std::size_t kLongestKey = 128;

/// Every key is compared in full, whichever fits: the time says nothing about the keys.
const PosKey* key_of(const Call& call) {
  constexpr std::string_view kBearer = "Bearer ";
  const auto header = call.request.header("Authorization");
  if (!header.starts_with(kBearer)) return nullptr;
  const auto digest = sha256(as_bytes(header.substr(kBearer.size())));
  const PosKey* found = nullptr;
  for (const auto& key : call.settings().pos_keys)
    if (constant_time_equal(digest, key.sha256)) found = &key;
  return found;
}

tl::expected<std::optional<Money>, HttpResponse> read_amount(const json& body) {
  const auto amount = read_string(body, "amount", kLongestField);
  if (!amount) return tl::make_unexpected(amount.error());
  const auto currency = read_string(body, "currency", 3);
  if (!currency) return tl::make_unexpected(currency.error());
  if (amount->empty()) return std::optional<Money>();
  if (currency->empty()) return tl::make_unexpected(problem(400, "bad_request", "currency: is needed with amount"));
  auto money = parse_money(*amount, *currency);
  if (!money) return tl::make_unexpected(problem(400, "bad_request", "amount: " + money.error().message));
  return std::optional<Money>(*money);
}

tl::expected<TillRequest, HttpResponse> read_request(const Call& call, const PosKey& key) {
  const auto body = read_object(call.request);
  if (!body) return tl::make_unexpected(body.error());
  TillRequest out;
  const auto read = [&](const char* name, std::size_t most, std::string& into) -> std::optional<HttpResponse> {
    auto text = read_string(*body, name, most);
    if (!text) return text.error();
    into = std::move(*text);
    return std::nullopt;
  };
  std::string typed, idempotency;
  for (const auto& [name, most, into] : std::initializer_list<std::tuple<const char*, std::size_t, std::string*>>{
           {"code", kLongestField, &typed},
           {"store", kLongestField, &out.store},
           {"terminal", kLongestField, &out.terminal},
           {"operator", kLongestField, &out.operator_},
           {"check_no", kLongestField, &out.check_no},
           {"idempotency_key", kLongestKey, &idempotency}})
    if (auto refused = read(name, most, *into)) return tl::make_unexpected(std::move(*refused));
  if (typed.empty()) return tl::make_unexpected(problem(400, "bad_request", "code: is needed"));
  const auto amount = read_amount(*body);
  if (!amount) return tl::make_unexpected(amount.error());
  out.amount = *amount;
  if (out.store.empty()) out.store = call.settings().store;
  // Two tills that count from 1 must not get each other's answers.
  if (!idempotency.empty()) out.idempotency_key = key.name + ":" + idempotency;
  // What cannot be a code is not in the ledger either.
  const auto code = campaign::canonical_code(typed);
  if (!code) return tl::make_unexpected(problem(404, "not_found", "no coupon has this code"));
  out.code = *code;
  return out;
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
  return out;
}

HttpResponse refused(const Call& call, Reason reason) {
  switch (reason) {
    case Reason::not_found: return call.refuse(404, reason);
    case Reason::rate_limited: return call.refuse(429, reason);
    case Reason::overloaded: return call.refuse(503, reason);
    default: return call.refuse(409, reason);
  }
}

template <class Ask, class Say>
HttpResponse till(const Call& call, Ask ask, Say say) {
  const auto* key = key_of(call);
  if (key == nullptr) {
    auto out = call.refuse(401, "unauthorized", "Authorization: Bearer KEY with a key of pos.keys_file is needed");
    out.headers.emplace_back("WWW-Authenticate", "Bearer");
    return out;
  }
  const auto request = read_request(call, *key);
  if (!request) return request.error();
  const Result<TillAnswer> answer = ask(*request);
  if (!answer) return call.failed(answer.error());
  if (!answer->coupon) return refused(call, answer->refused.value_or(Reason::not_found));
  return say(*answer);
}

HttpResponse check(const Call& call) {
  return till(
      call, [&](const auto& request) { return call.services().till_check(request); },
      [&](const TillAnswer& answer) {
        json out{{"redeemable", !answer.refused}, {"coupon", coupon_at_till(call, *answer.coupon)}};
        if (answer.refused) out["reason"] = to_string(*answer.refused);
        return json_response(out);
      });
}

HttpResponse redeem(const Call& call) {
  return till(
      call, [&](const auto& request) { return call.services().till_redeem(request); },
      [&](const TillAnswer& answer) {
        if (answer.refused) return refused(call, *answer.refused);
        return json_response({{"result", "ok"}, {"coupon", coupon_at_till(call, *answer.coupon)}});
      });
}

constexpr Route kRoutes[] = {
    {"POST", "/v1/pos/check", Look::api, check},
    {"POST", "/v1/pos/redeem", Look::api, redeem},
};

}  // namespace

std::span<const Route> till_routes() { return kRoutes; }

}  // namespace foyer::portal
