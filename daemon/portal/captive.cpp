#include "portal/call.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpRequest;
using ports::HttpResponse;

std::string portal_url(const Settings& settings, const HttpRequest& request) {
  const bool v6 = request.local.family == IpAddress::Family::v6 && !settings.https && !settings.own_loopback;
  return v6 ? fmt::format("http://[{}]/", to_string(request.local)) : settings.redirect;
}

namespace {

/// RFC 8908. A system that asks is told the truth about itself; one nobody knows is captive.
HttpResponse captive_api(const Call& call) {
  const auto known = call.known();
  if (!known) return known.error();
  const auto& who = *known;
  const auto url = portal_url(call.settings(), call.request);
  json body{{"captive", !(who && who->session)}, {"user-portal-url", url}, {"can-extend-session", true}};
  if (who && who->session) {
    const auto left = std::chrono::floor<std::chrono::seconds>(who->session->until - call.services().now()).count();
    body["seconds-remaining"] = std::max<std::int64_t>(left, 0);
    if (who->bytes_left) body["bytes-remaining"] = *who->bytes_left;
    body["venue-info-url"] = url + "welcome";
  }
  auto out = json_response(body);
  for (auto& [name, value] : out.headers) {
    if (name == "Content-Type") value = "application/captive+json";
    if (name == "Cache-Control") value = "private";
  }
  return out;
}

}  // namespace

std::span<const Route> captive_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/captive/api", Look::api, captive_api}};
  return kRoutes;
}

/// Every phone's probe, and whoever types an address: a short answer that any client of 1996 follows. Nothing of the
/// request is in it, and nobody is asked, so that fifty phones that come in at once are answered at once.
HttpResponse answer_foreign(const Shared& shared, std::string_view host, const HttpRequest& request) {
  if (request.tls) return problem(421, "misdirected", "this server does not speak for that host");
  const bool read = request.method == "GET" || request.method == "HEAD";
  shared.tally.probe(probing_system(host, request.path));
  shared.tally.redirect();
  auto out = redirect(read ? 302 : 303, portal_url(shared.settings, request));
  out.headers.emplace_back("Connection", "close");
  return out;
}

}  // namespace foyer::portal
