#include <algorithm>

#include "portal/call.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpResponse;

namespace {

json me_json(const Call& call, const Visitor& visitor) {
  json body{{"subject", visitor.subject},
            {"session", nullptr},
            {"presence", visitor.presence},
            {"zone", visitor.zone.empty() ? json(nullptr) : json(visitor.zone)},
            {"languages", call.settings().languages},
            {"consent", visitor.consented}};
  if (visitor.session) {
    body["session"] = visitor.session->id;
    const auto left = visitor.session->until - call.services().now();
    body["seconds_left"] = std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(left).count(), 0);
  }
  return body;
}

HttpResponse me(const Call& call) {
  const auto visitor = call.visitor();
  return visitor ? json_response(me_json(call, *visitor)) : visitor.error();
}

HttpResponse consent(const Call& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  const auto given = read_string(*body, "consent", 8);
  if (!given) return given.error();
  if (*given != "yes" && *given != "no") return problem(400, "bad_request", "consent: yes or no");
  const auto visitor = call.visitor_within("consent", kPrivacyPerMinute);
  if (!visitor) return visitor.error();
  const auto recorded = call.services().consent(*visitor, *given == "yes", call.shared.terms_hash);
  if (!recorded) return call.failed(recorded.error());
  return json_response({{"consent", *given}, {"terms", call.shared.terms_hash}});
}

}  // namespace

std::span<const Route> me_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/v1/me", Look::api, me},
      {"POST", "/v1/me/consent", Look::api, consent},
  };
  return kRoutes;
}

}  // namespace foyer::portal
