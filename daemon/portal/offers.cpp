#include <charconv>

#include "portal/call.hpp"

namespace foyer::portal {

using campaign::Offer;
using nlohmann::json;
using ports::HttpResponse;

namespace {

/// A whole number from 0; absent or empty: 0.
std::optional<std::uint64_t> read_after(const Call& call) {
  const auto text = field(call.request.query, "after");
  if (text.empty()) return 0;
  std::uint64_t after = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), after);
  if (error != std::errc() || end != text.data() + text.size() || after > INT64_MAX) return std::nullopt;
  return after;
}

json offer_json(const Call& call, const Offer& offer) {
  json out{{"seq", offer.seq},
           {"at", to_rfc3339(offer.at)},
           {"trigger", to_string(offer.trigger)},
           {"campaign", offer.answer.campaign}};
  if (!offer.zone.empty()) out["zone"] = offer.zone;
  if (offer.answer.prize) out["prize"] = prize_json(call, *offer.answer.prize);
  if (offer.answer.coupon) out["coupon"] = coupon_json(call, *offer.answer.coupon);
  return out;
}

HttpResponse offers(const Call& call) {
  const auto after = read_after(call);
  if (!after) return problem(400, "bad_request", "after: the seq of the last offer that was read, a whole number");
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  // Somebody who is not in can be offered nothing now: there is nothing to wait for.
  const auto found = call.services().offers(visitor->known_as, *after, visitor->session.has_value());
  if (!found) return call.failed(found.error());
  json out = json::array();
  for (const auto& offer : *found) out.push_back(offer_json(call, offer));
  return json_response(out);
}

}  // namespace

std::span<const Route> offer_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/v1/offers", Look::api, offers}};
  return kRoutes;
}

}  // namespace foyer::portal
