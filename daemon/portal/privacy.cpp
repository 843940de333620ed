#include "portal/call.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpResponse;

namespace {

HttpResponse privacy_page(const Call& call, bool erased) {
  const auto who = call.services().who(call.request.remote);
  if (!who && who.error().code != Code::refuse) return call.failed(who.error());
  return call.page("privacy", {{"terms", call.text(call.settings().terms)},
                               {"erased", erased},
                               {"known", !erased && who && (who->session || who->consented)}});
}

HttpResponse privacy(const Call& call) { return privacy_page(call, false); }

HttpResponse erase(const Call& call) {
  const auto visitor = call.visitor_within("erase", kPrivacyPerMinute);
  if (!visitor) return visitor.error();
  const auto erased = call.services().erase(*visitor);
  if (!erased) return call.failed(erased.error());
  return json_response({{"erased", true}});
}

/// The button without script.
HttpResponse erase_form(const Call& call) {
  if (field(ports::parse_query(call.request.body), "erase") != "yes") return privacy_page(call, false);
  const auto visitor = call.visitor_within("erase", kPrivacyPerMinute);
  if (!visitor) return visitor.error();
  const auto erased = call.services().erase(*visitor);
  if (!erased) return call.failed(erased.error());
  return privacy_page(call, true);
}

HttpResponse export_me(const Call& call) {
  const auto visitor = call.visitor_within("export", kPrivacyPerMinute);
  if (!visitor) return visitor.error();
  auto text = call.services().export_json(*visitor);
  if (!text) return call.failed(text.error());
  auto out = json_text(*std::move(text));
  out.headers.emplace_back("Content-Disposition", "attachment; filename=\"my-data.json\"");
  return out;
}

}  // namespace

std::span<const Route> privacy_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/privacy", Look::page, privacy},
      {"POST", "/privacy", Look::page, erase_form},
      {"GET", "/v1/me/export", Look::api, export_me},
      {"DELETE", "/v1/me", Look::api, erase},
  };
  return kRoutes;
}

}  // namespace foyer::portal
