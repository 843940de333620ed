#include "portal/call.hpp"
#include "portal/html.hpp"
#include "portal/qr.hpp"

/// A laptop has no camera to scan with: it shows a QR, a phone that is in scans it and vouches for it.
namespace foyer::portal {

using nlohmann::json;
using ports::HttpResponse;

namespace {

/// How often the page of the waiting device looks again where there is no script, in seconds.
constexpr int kLookAgain = 3;

bool as_json(const Call& call) { return is_json(call.request) || wants_json(call.request); }

HttpResponse refused(const Call& call, int status, std::string_view code) {
  return as_json(call) ? problem(status, code) : call.refuse(status, code);
}

std::string address_of(const Call& call, const Pairing& pairing) {
  return portal_url(call.settings(), call.request) + "pair/" + pairing.id;
}

/// consent=yes, of a form or JSON.
tl::expected<bool, HttpResponse> read_consent(const Call& call) {
  if (!is_json(call.request)) return field(ports::parse_query(call.request.body), "consent") == "yes";
  const auto body = read_object(call.request);
  if (!body) return tl::make_unexpected(body.error());
  const auto consent = read_string(*body, "consent", 8);
  if (!consent) return tl::make_unexpected(consent.error());
  return *consent == "yes";
}

HttpResponse begin(const Call& call) {
  const auto consent = read_consent(call);
  if (!consent) return consent.error();
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  if (visitor->session) return call.see("/welcome");
  const auto allowed = call.services().within_rate(visitor->device, "pair", call.settings().redeems_per_minute);
  if (!allowed) return call.failed(allowed.error());
  if (!*allowed) return refused(call, 429, "rate_limited");
  if (needs_consent(call, *visitor) && !*consent) return refused(call, 400, "consent_missing");
  const auto pairing = call.services().begin_pairing(*visitor, call.request.remote, *consent);
  if (!pairing) return call.failed(pairing.error());
  if (!as_json(call)) return call.see("/pair/" + pairing->id);
  return json_response({{"id", pairing->id}, {"url", address_of(call, *pairing)}, {"number", pairing->number}}, 201);
}

HttpResponse show_waiting(const Call& call, const Pairing& pairing) {
  if (as_json(call)) return json_response({{"state", pairing.confirmed ? "confirmed" : "waiting"}});
  const auto label = call.text("pair_label");
  const auto svg = qr_svg(address_of(call, pairing), label);
  if (!svg) return call.failed(svg.error());
  return call.page(
      "pair",
      {{"svg", *svg}, {"number", pairing.number}, {"module", "/assets/pair.js"}, {"refresh_plain", kLookAgain}});
}

HttpResponse show(const Call& call) {
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  const auto pairing = call.services().pairing(call.params.at(0));
  if (!pairing) return call.failed(pairing.error());
  const bool own = *pairing && (*pairing)->device == visitor->device;
  if (own && !visitor->session) return show_waiting(call, **pairing);
  if (own) return as_json(call) ? json_response({{"state", "confirmed"}}) : call.see("/welcome");
  if (!*pairing) return refused(call, 410, "expired");
  if (!visitor->session) return refused(call, 403, "pair_outside");
  if (as_json(call)) return json_response({{"state", "waiting"}, {"number", (*pairing)->number}});
  return call.page("vouch", {{"id", (*pairing)->id}, {"number", (*pairing)->number}});
}

/// The session of the device that was vouched for: no longer than the one who vouched, and with no proof of its own.
AdmitOrder order_for(const Call& call, const Visitor& device, const Pairing& pairing, const Session& by) {
  AdmitOrder order;
  order.ip = pairing.ip;
  order.visitor = device;
  order.latest = by.until;
  auto& session = order.command.session;
  session.subject = device.subject;
  session.device = device.device;
  session.pair = device.pair;
  session.way = Way::pair;
  session.zone = by.zone;
  order.command.per_device_per_day = call.settings().per_device_per_day;
  order.command.consent = pairing.consent;
  if (pairing.consent) order.command.terms_hash = call.shared.terms_hash;
  return order;
}

/// The refusal, or nothing: it is in.
std::optional<HttpResponse> let_in(const Call& call, const Pairing& pairing, const Session& by) {
  const auto device = call.services().who(pairing.ip);
  if (!device && device.error().code != Code::refuse) return call.failed(device.error());
  if (!device || device->device != pairing.device) return refused(call, 410, "expired");
  const auto answer = call.services().admit(order_for(call, *device, pairing, by));
  if (!answer) return call.failed(answer.error());
  if (!answer->refused) return std::nullopt;
  call.shared.tally.refused(*answer->refused);
  return refused(call, status_of(*answer->refused), to_string(*answer->refused));
}

HttpResponse confirm(const Call& call) {
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  // Who was vouched for vouches for nobody: one scan lets in one phone and what its holder carries.
  if (!visitor->session || visitor->session->way == Way::pair) return refused(call, 403, "pair_outside");
  const auto confirmed = call.services().confirm_pairing(call.params.at(0), visitor->session->id);
  if (!confirmed) return call.failed(confirmed.error());
  if (!*confirmed) return refused(call, status_of(confirmed->error()), to_string(confirmed->error()));
  const auto& pairing = **confirmed;
  if (!pairing) return refused(call, 410, "expired");
  if (auto refusal = let_in(call, *pairing, *visitor->session)) {
    // The waiting device must not be told that it is in, nor the vouching one have spent a vouch on it.
    if (auto released = call.services().release_pairing(pairing->id, visitor->session->id); !released)
      call.services().failed(call.where, released.error());
    return *std::move(refusal);
  }
  call.shared.tally.admitted(Way::pair);
  if (as_json(call)) return json_response({{"state", "confirmed"}});
  return call.page("vouched", {{"number", pairing->number}});
}

}  // namespace

std::span<const Route> pairing_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/pair", Look::page, [](const Call& call) { return call.see("/"); }},  // a refusal's page loaded again
      {"POST", "/pair", Look::page, begin},
      {"GET", "/pair/{id}", Look::page, show},
      {"POST", "/pair/{id}", Look::page, confirm},
  };
  return kRoutes;
}

}  // namespace foyer::portal
