#include "portal/call.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpRequest;
using ports::HttpResponse;

namespace {

/// Without a name to send it to, an IPv6 phone is sent to the address it has reached us at.
std::string portal_url(const Settings& settings, const HttpRequest& request) {
  const bool v6 = request.local.family == IpAddress::Family::v6 && !settings.https && !settings.own_loopback;
  return v6 ? fmt::format("http://[{}]/", to_string(request.local)) : settings.redirect;
}

/// RFC 8908. A system that asks is told the truth about itself; one nobody knows is captive.
HttpResponse captive_api(const Call& call) {
  const auto who = call.services().who(call.request.remote);
  if (!who && who.error().code != Code::refuse) return call.failed(who.error());
  json body{{"captive", !(who && who->session)}, {"user-portal-url", portal_url(call.settings(), call.request)}};
  if (who && who->session) {
    const auto left = std::chrono::floor<std::chrono::seconds>(who->session->until - call.services().now()).count();
    body["seconds-remaining"] = std::max<std::int64_t>(left, 0);
    body["can-extend-session"] = true;
  }
  auto out = json_response(body);
  for (auto& [name, value] : out.headers) {
    if (name == "Content-Type") value = "application/captive+json";
    if (name == "Cache-Control") value = "private";
  }
  return out;
}

constexpr Route kRoutes[] = {{"GET", "/captive/api", Look::api, captive_api}};

}  // namespace

std::span<const Route> captive_routes() { return kRoutes; }

/// Every phone's probe, and whoever types an address: a short answer that any client of 1996 follows. Nothing of the
/// request is in it, and nobody is asked, so that fifty phones that come in at once are answered at once.
HttpResponse answer_foreign(const Settings& settings, const HttpRequest& request) {
  if (request.tls) return problem(421, "misdirected", "this server does not speak for that host");
  const bool read = request.method == "GET" || request.method == "HEAD";
  auto out = redirect(read ? 302 : 303, portal_url(settings, request));
  out.headers.emplace_back("Connection", "close");
  return out;
}

}  // namespace foyer::portal
