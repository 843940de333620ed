#include <algorithm>
#include <optional>

#include "portal/call.hpp"
#include "portal/html.hpp"
#include "portal/pass.hpp"

namespace foyer::portal {

using campaign::Reason;
using nlohmann::json;
using ports::HttpResponse;

int status_of(Reason reason) {
  switch (reason) {
    case Reason::bad_signature: return 403;
    case Reason::expired: return 410;
    case Reason::rate_limited: return 429;
    case Reason::overloaded: return 503;
    default: return 400;
  }
}

bool needs_consent(const Call& call, const Visitor& visitor) {
  return call.settings().consent_required && !visitor.consented;
}

namespace {

/// The same device with the same token within this is the same request, sent twice.
constexpr std::chrono::seconds kCooldown{60};
/// What a person may paste: a token, or the whole address it came in.
constexpr std::size_t kLongestCode = 512;

/// Why somebody does not get in, counted.
HttpResponse refused(const Call& call, Reason reason) {
  call.shared.tally.refused(reason);
  return call.refuse(status_of(reason), reason);
}

tl::expected<Token, Reason> check(const Call& call, std::string_view text) {
  return verify(text, call.shared.keys, call.settings().store, call.shared.zone_ids, call.services().now(),
                call.settings().screen_rotation);
}

int evidence_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::poster: return 1;
    case TokenKind::screen:
    case TokenKind::receipt: return 2;
    case TokenKind::staff: return 5;
  }
  return 0;
}

HttpResponse confirm(const Call& call, const std::string& text, bool missing, int status) {
  return call.page("confirm",
                   {{"token", text},
                    {"consent", call.settings().consent_required},
                    {"terms", call.text(call.settings().terms)},
                    {"missing", missing}},
                   status);
}

/// GET: looks at the token and changes nothing, so that a link preview or a scanner's prefetch burns nothing.
HttpResponse show_token(const Call& call) {
  const auto& text = call.params.at(0);
  if (looks_like_pass(text)) {
    if (!session_of_pass(call.shared.keys, text, call.services().now())) return refused(call, Reason::bad_signature);
    return call.page("resume", {{"pass", text}});
  }
  const auto token = check(call, text);
  if (!token) return call.refuse(status_of(token.error()), token.error());
  return confirm(call, text, false, 200);
}

AdmitOrder order_for(const Call& call, const Visitor& visitor, const Token& token, Way way, bool consent) {
  AdmitOrder order;
  order.ip = call.request.remote;
  order.visitor = visitor;
  auto& session = order.command.session;
  session.subject = visitor.subject;
  session.device = visitor.device;
  session.pair = visitor.pair;
  session.way = token.kind == TokenKind::staff ? Way::staff : way;
  session.kind = to_string(token.kind);
  session.zone = token.zone;
  session.evidence = evidence_of(token.kind);
  order.command.token_hash = token.hash;
  order.command.single_use = token.kind == TokenKind::screen || token.kind == TokenKind::receipt;
  order.command.once = token.kind == TokenKind::receipt;
  order.command.cooldown = kCooldown;
  if (token.kind == TokenKind::poster) order.command.per_device_per_day = call.settings().per_device_per_day;
  order.command.consent = consent;
  if (consent) order.command.terms_hash = call.shared.terms_hash;
  return order;
}

/// Redirects to the page that says so, a full navigation, so that a captive sheet looks again and closes by itself.
HttpResponse welcome(const Call& call, const Session& session, Way way) {
  call.shared.tally.admitted(way);
  auto out = call.see("/welcome");
  call.set_pass(out, session);
  return out;
}

/// Brings the session of a pass to the device that asks.
HttpResponse resume(const Call& call, const std::string& text) {
  const auto session = session_of_pass(call.shared.keys, text, call.services().now());
  if (!session) return refused(call, Reason::bad_signature);
  const auto carried = call.services().carry(*session, call.request.remote);
  if (!carried) return call.failed(carried.error());
  if (!*carried) return refused(call, Reason::expired);
  return welcome(call, **carried, Way::pass);
}

HttpResponse redeem(const Call& call, const Visitor& visitor, const std::string& text, Way way, bool consent) {
  const auto token = check(call, text);
  if (!token) return refused(call, token.error());
  // A photograph of the poster is worth nothing outside the shop.
  if (token->kind == TokenKind::poster && !visitor.associated) return refused(call, Reason::presence_too_low);
  if (needs_consent(call, visitor) && !consent) {
    if (call.look == Look::api || is_json(call.request)) return refused(call, Reason::consent_missing);
    call.shared.tally.refused(Reason::consent_missing);
    return confirm(call, text, true, 400);
  }
  const auto order = order_for(call, visitor, *token, way, consent);
  const auto answer = call.services().admit(order);
  if (!answer) return call.failed(answer.error());
  if (answer->refused) return refused(call, *answer->refused);
  return welcome(call, answer->session, order.command.session.way);
}

/// Who asks, unless too often: every attempt to get in counts, a good one too.
tl::expected<Visitor, HttpResponse> attempt(const Call& call) {
  auto visitor = call.visitor();
  if (!visitor) return visitor;
  const auto allowed = call.services().within_rate(visitor->device, "redeem", call.settings().redeems_per_minute);
  if (!allowed) return tl::make_unexpected(call.failed(allowed.error()));
  if (!*allowed) return tl::make_unexpected(refused(call, Reason::rate_limited));
  return visitor;
}

struct Wish {
  std::string code, consent;
};

/// A form, or JSON with the same keys. No body at all is an empty form.
tl::expected<Wish, HttpResponse> read_wish(const Call& call) {
  if (is_json(call.request)) {
    const auto body = read_object(call.request);
    if (!body) return tl::make_unexpected(body.error());
    auto code = read_string(*body, "code", kLongestCode);
    if (!code) return tl::make_unexpected(code.error());
    auto consent = read_string(*body, "consent", 8);
    if (!consent) return tl::make_unexpected(consent.error());
    return Wish{*code, *consent};
  }
  if (!call.request.body.empty() && !is_form(call.request))
    return tl::make_unexpected(
        call.refuse(415, "unsupported_media_type", "send a form, or JSON with its Content-Type"));
  const auto form = ports::parse_query(call.request.body);
  return Wish{field(form, "code"), field(form, "consent")};
}

HttpResponse redeem_token(const Call& call) {
  const auto wish = read_wish(call);
  if (!wish) return wish.error();
  const auto visitor = attempt(call);
  if (!visitor) return visitor.error();
  const auto& text = call.params.at(0);
  return looks_like_pass(text) ? resume(call, text) : redeem(call, *visitor, text, Way::link, wish->consent == "yes");
}

/// Spaces go, and of a pasted address only what comes after /q/ stays.
std::string token_in(std::string typed) {
  std::erase_if(typed, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  if (const auto at = typed.rfind("/q/"); at != std::string::npos) typed.erase(0, at + 3);
  return typed.substr(0, typed.find_first_of("?#/"));
}

/// What was typed → the token it stands for. Forty bits can be guessed at, so wrong guesses are slowed down.
tl::expected<std::string, HttpResponse> token_typed(const Call& call, const Visitor& visitor,
                                                    const std::string& typed) {
  const auto code = canonical_typed(typed);
  if (!code) return token_in(typed);
  const auto may = call.services().may_guess(visitor.device);
  if (!may) return tl::make_unexpected(call.failed(may.error()));
  if (!*may) return tl::make_unexpected(refused(call, Reason::rate_limited));
  auto token = screen_token_of(*code, call.shared.keys, call.settings().store, call.shared.zone_ids,
                               call.services().now(), call.settings().screen_rotation);
  if (!token) {
    const auto kept = call.services().token_body(*code);
    if (!kept) return tl::make_unexpected(call.failed(kept.error()));
    if (*kept) token = token_of(**kept, call.shared.keys);
  }
  call.services().guessed(visitor.device, token.has_value());
  if (!token) return tl::make_unexpected(refused(call, Reason::bad_signature));
  return *std::move(token);
}

HttpResponse join(const Call& call) {
  const auto wish = read_wish(call);
  if (!wish) return wish.error();
  if (wish->code.empty()) return call.refuse(400, "code_missing", "code: is needed");
  if (wish->code.size() > kLongestCode) return refused(call, Reason::bad_signature);
  const auto visitor = attempt(call);
  if (!visitor) return visitor.error();
  const auto token = token_typed(call, *visitor, wish->code);
  return token ? redeem(call, *visitor, *token, Way::code, wish->consent == "yes") : token.error();
}

}  // namespace

std::span<const Route> admission_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/q/{token}", Look::page, show_token},
      {"POST", "/q/{token}", Look::page, redeem_token},
      {"GET", "/join", Look::page, [](const Call& call) { return call.see("/"); }},  // a refusal's page loaded again
      {"POST", "/join", Look::page, join},
  };
  return kRoutes;
}

}  // namespace foyer::portal
