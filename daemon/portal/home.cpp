#include <algorithm>
#include <cctype>

#include "portal/call.hpp"
#include "portal/display.hpp"
#include "portal/html.hpp"
#include "portal/pass.hpp"
#include "portal/qr.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpResponse;

namespace {

HttpResponse home(const Call& call) {
  const auto who = call.known();
  if (!who) return who.error();
  return call.page("home", {{"inside", *who && (*who)->session.has_value()},
                            {"consent", call.settings().consent_required && !(*who && (*who)->consented)},
                            {"terms", call.text(call.settings().terms)}});
}

HttpResponse welcome(const Call& call) {
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  if (!visitor->session) return call.see("/");
  auto out = call.page("welcome", {{"until", local_time(call.settings(), visitor->session->until)},
                                   {"pass", make_pass(call.shared.keys, visitor->session->id)}});
  call.set_pass(out, *visitor->session);
  return out;
}

/// The box itself, and a display whose link the operator made: a phone that could read the page would be in without
/// having seen the display. Of a simulated gate every phone is the box.
bool may_show(const Call& call, const std::string& zone) {
  const auto& request = call.request;
  const auto& ours = call.settings().own_hosts;
  const bool is_box = is_loopback(request.remote) || request.remote == request.local ||
                      std::find(ours.begin(), ours.end(), to_string(request.remote)) != ours.end();
  return call.settings().own_loopback || is_box ||
         is_display_key(call.shared.keys, field(request.query, "key"), call.settings().store, zone,
                        call.services().now());
}

HttpResponse screen(const Call& call) {
  const auto& zones = call.settings().zones;
  const auto zone = std::find_if(zones.begin(), zones.end(), [&](const auto& one) { return one.id == call.params[0]; });
  if (zone == zones.end()) return call.refuse(404, campaign::Reason::not_found);
  if (!may_show(call, zone->id)) return call.refuse(403, "display_only");
  const auto now = call.services().now();
  const auto rotation = call.settings().screen_rotation;
  const auto minted = mint({TokenKind::screen, call.settings().store, zone->id, {}}, call.shared.keys, now, rotation,
                           call.shared.random);
  const auto& base = call.settings().redirect;
  const auto svg = qr_svg(base + "q/" + minted.text, call.text("screen_label"));
  if (!svg) return call.failed(svg.error());
  // The token's own end is one rotation later: what a phone has just scanned still works.
  const auto left = std::chrono::ceil<std::chrono::seconds>(minted.expires - rotation - now).count();
  return call.page("screen",
                   {{"zone", call.text(zone->name)},
                    {"svg", *svg},
                    {"code", minted.code.substr(0, kTypedCode / 2) + "-" + minted.code.substr(kTypedCode / 2)},
                    {"refresh", std::max<std::int64_t>(left, 1)},
                    {"wide", true}});
}

/// "#07c160"; anything else could end the declaration it is put into.
bool is_colour(const std::string& text) {
  return text.size() == 7 && text[0] == '#' &&
         std::all_of(text.begin() + 1, text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

HttpResponse asset(std::string body, const char* type) {
  return {200,
          {{"Content-Type", type}, {"Cache-Control", "max-age=300"}, {"X-Content-Type-Options", "nosniff"}},
          std::move(body),
          nullptr};
}

HttpResponse css(const Call& call) {
  const auto& accent = call.settings().accent;
  const std::string head = ":root{--accent:" + (is_colour(accent) ? accent : std::string("#07c160")) + "}\n";
  return asset(head + std::string(embedded_page("portal.css")), "text/css; charset=utf-8");
}

HttpResponse logo(const Call& call) {
  const auto& logo = call.settings().logo;
  if (!logo) return call.refuse(404, campaign::Reason::not_found);
  auto out = asset(logo->content, logo->type.c_str());
  // Looked at by itself, a picture that brings script along may not run it.
  out.headers.emplace_back("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
  return out;
}

HttpResponse shake_js(const Call&) {
  return asset(std::string(embedded_page("shake.js")), "text/javascript; charset=utf-8");
}
HttpResponse pair_js(const Call&) {
  return asset(std::string(embedded_page("pair.js")), "text/javascript; charset=utf-8");
}
HttpResponse screen_js(const Call&) {
  return asset(std::string(embedded_page("screen.js")), "text/javascript; charset=utf-8");
}

}  // namespace

std::span<const Route> home_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/", Look::page, home},
      {"GET", "/welcome", Look::page, welcome},
      {"GET", "/screen/{zone}", Look::page, screen},
      {"GET", "/assets/portal.css", Look::page, css},
      {"GET", "/assets/logo", Look::page, logo},
      {"GET", "/assets/pair.js", Look::page, pair_js},
      {"GET", "/assets/shake.js", Look::page, shake_js},
      {"GET", "/assets/screen.js", Look::page, screen_js},
  };
  return kRoutes;
}

}  // namespace foyer::portal
