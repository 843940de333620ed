#include "portal/cashier.hpp"

namespace foyer::portal {

using campaign::TillAction;
using campaign::TillAnswer;
using nlohmann::json;
using ports::HttpResponse;

namespace {

json won_json(const Call& call, const campaign::DrawAnswer& won) {
  json out{{"campaign", won.campaign}};
  if (won.prize) {
    out["prize"] = {{"id", won.prize->id}, {"title", call.text(won.prize->title)}};
    if (won.prize->amount) out["prize"].update(money_json(*won.prize->amount));
  }
  if (won.coupon) out["coupon"] = coupon_at_till(call, *won.coupon);
  return out;
}

HttpResponse checked(const Call& call, const TillAnswer& answer) {
  if (!answer.coupon) return refused_at_till(call, campaign::Reason::not_found);
  json out{{"redeemable", !answer.refused}, {"coupon", coupon_at_till(call, *answer.coupon)}};
  if (answer.refused) out["reason"] = to_string(*answer.refused);
  return json_response(out);
}

HttpResponse done(const Call& call, const TillAnswer& answer, TillAction action) {
  if (answer.key_in_use)
    return call.refuse(409, to_string(campaign::Reason::nonce_used),
                       "idempotency_key: was sent with another request before");
  if (answer.refused) return refused_at_till(call, *answer.refused);
  json out{{"result", "ok"}};
  if (answer.coupon) out["coupon"] = coupon_at_till(call, *answer.coupon);
  if (action == TillAction::reserve && answer.coupon) out["reservation"] = answer.coupon->reservation;
  if (!answer.sale.empty()) out["sale"] = answer.sale;
  if (action == TillAction::sale) {
    out["triggered"] = json::array();
    for (const auto& won : answer.triggered) out["triggered"].push_back(won_json(call, won));
  }
  return json_response(out);
}

template <TillAction Action>
HttpResponse till(const Call& call) {
  const auto cashier = cashier_of(call);
  if (!cashier) return cashier.error();
  if (Action == TillAction::void_ && !cashier->may_void)
    return call.refuse(403, "role", "a cashier may not void; ask a manager");
  const auto request = read_till(call, Action, *cashier);
  if (!request) return request.error();
  const auto answer = call.services().till(*request);
  if (!answer) return call.failed(answer.error());
  return Action == TillAction::check ? checked(call, *answer) : done(call, *answer, Action);
}

}  // namespace

std::span<const Route> till_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/v1/pos/check", Look::api, till<TillAction::check>},
      {"POST", "/v1/pos/reserve", Look::api, till<TillAction::reserve>},
      {"POST", "/v1/pos/redeem", Look::api, till<TillAction::redeem>},
      {"POST", "/v1/pos/void", Look::api, till<TillAction::void_>},
      {"POST", "/v1/pos/sale", Look::api, till<TillAction::sale>},
  };
  return kRoutes;
}

}  // namespace foyer::portal
