#include <algorithm>

#include "portal/call.hpp"
#include "portal/html.hpp"

namespace foyer::portal {

using campaign::DrawAnswer;
using campaign::Reason;
using nlohmann::json;
using ports::HttpResponse;

namespace {

std::string_view name_of(DrawAnswer::Result result) {
  switch (result) {
    case DrawAnswer::Result::won: return "won";
    case DrawAnswer::Result::lost: return "lost";
    case DrawAnswer::Result::denied: return "denied";
  }
  return "denied";
}

struct Stop {
  int status;
  Reason reason;
};

/// Who is not admitted, without consent or too fast: all that is refused before there is a draw.
std::optional<Stop> stopped(const Call& call, const Visitor& visitor, bool within_rate) {
  if (!visitor.session) return Stop{403, Reason::presence_too_low};
  if (call.settings().consent_required && !visitor.consented) return Stop{403, Reason::consent_missing};
  if (!within_rate) return Stop{429, Reason::rate_limited};
  return std::nullopt;
}

/// The rate is counted where a draw begins, so that a repeated nonce costs nothing.
tl::expected<Visitor, HttpResponse> may_draw(const Call& call) {
  auto visitor = call.visitor();
  if (!visitor) return visitor;
  const auto refuse = [&](const Stop& stop) {
    call.services().refused("draw", stop.reason);
    return tl::make_unexpected(call.refuse(stop.status, stop.reason));
  };
  if (const auto stop = stopped(call, *visitor, true)) return refuse(*stop);
  const auto within = call.services().within_rate(visitor->device, "draw", call.settings().draws_per_minute);
  if (!within) return tl::make_unexpected(call.failed(within.error()));
  if (const auto stop = stopped(call, *visitor, *within)) return refuse(*stop);
  return visitor;
}

std::string nonce_for(const Call& call, const Visitor& visitor) {
  return make_nonce(call.shared.nonces.front(), visitor.subject, visitor.session->id, call.services().now(),
                    call.shared.random);
}

HttpResponse open(const Call& call) {
  const auto visitor = may_draw(call);
  if (!visitor) return visitor.error();
  return json_response(
      {{"nonce", nonce_for(call, *visitor)}, {"expires_in", kNonceLife.count()}, {"mode", {"shake", "tap"}}});
}

campaign::DrawCommand command_for(const Visitor& visitor, std::string_view nonce, std::string mode) {
  campaign::DrawCommand command;
  command.nonce_hash = nonce_hash(nonce);
  command.shopper.subject = visitor.subject;
  command.shopper.presence = visitor.presence;
  command.shopper.zone = visitor.zone;
  if (visitor.session) command.session = visitor.session->id;
  command.mode = std::move(mode);
  command.known_as = visitor.known_as;
  return command;
}

}  // namespace

std::string prize_title(const Call& call, const campaign::WonPrize& prize) {
  if (const auto& title = call.text(prize.title); !title.empty()) return title;
  if (prize.benefit) return benefit_text(call, *prize.benefit);
  return prize.amount ? money_text(*prize.amount) : std::string();
}

json prize_json(const Call& call, const campaign::WonPrize& prize) {
  constexpr std::string_view kKinds[] = {"coupon", "red_packet", "nothing"};
  json out{
      {"id", prize.id}, {"kind", kKinds[static_cast<std::size_t>(prize.kind)]}, {"title", prize_title(call, prize)}};
  if (prize.benefit) out["benefit"] = benefit_json(call, *prize.benefit);
  if (prize.amount) out.update(money_json(*prize.amount));
  return out;
}

namespace {

json answer_json(const Call& call, const DrawAnswer& answer) {
  json out{{"result", name_of(answer.result)}};
  if (!answer.campaign.empty()) out["campaign"] = answer.campaign;
  if (answer.prize) out["prize"] = prize_json(call, *answer.prize);
  if (answer.coupon) out["coupon"] = coupon_json(call, *answer.coupon);
  if (answer.reason) out["reason"] = to_string(*answer.reason);
  return out;
}

/// Why nothing new is drawn for a nonce that is its holder's. What was answered for it stays its answer all the same.
std::optional<Reason> too_late(const Call& call, const Visitor& visitor, bool in_time) {
  if (!visitor.session) return Reason::presence_too_low;
  if (!in_time) return Reason::nonce_expired;
  if (call.settings().consent_required && !visitor.consented) return Reason::consent_missing;
  return std::nullopt;
}

/// Refused before the ledger was asked: counted here, the ledger's own where it answers.
HttpResponse denied(const Call& call, Reason reason) {
  call.services().refused("draw", reason);
  return json_response({{"result", "denied"}, {"reason", to_string(reason)}});
}

HttpResponse draw(const Call& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  const auto nonce = read_string(*body, "nonce", 64);
  if (!nonce) return nonce.error();
  if (nonce->empty()) return problem(400, "bad_request", "nonce: is needed, from POST /v1/draws/open");
  auto mode = read_string(*body, "mode", 8);
  if (!mode) return mode.error();
  if (mode->empty()) *mode = "tap";
  if (*mode != "shake" && *mode != "tap") return problem(400, "bad_request", "mode: shake or tap");
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  auto names = visitor->known_as;
  names.push_back(visitor->subject);
  const auto session = visitor->session ? visitor->session->id : std::string();
  const auto good = check_nonce(call.shared.nonces, *nonce, names, session, call.services().now());
  if (!good && good.error() != Reason::nonce_expired) return denied(call, good.error());
  auto command = command_for(*visitor, *nonce, *mode);
  command.replay_only = too_late(call, *visitor, good.has_value());
  const auto answer = call.services().draw(command);
  return answer ? json_response(answer_json(call, *answer)) : call.failed(answer.error());
}

HttpResponse shake_page(const Call& call) {
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  if (!visitor->session) return call.see("/");
  return call.page("shake", {{"module", "/assets/shake.js"}});
}

/// The button without script: both steps here. The page's form cannot be posted by another site (is_cross_site).
HttpResponse shake_form(const Call& call) {
  const auto visitor = may_draw(call);
  if (!visitor) return visitor.error();
  const auto answer = call.services().draw(command_for(*visitor, nonce_for(call, *visitor), "tap"));
  if (!answer) return call.failed(answer.error());
  if (answer->coupon) return call.see("/c/" + answer->coupon->id);
  json values{{"won", answer->result == DrawAnswer::Result::won},
              {"lost", answer->result == DrawAnswer::Result::lost},
              {"denied", answer->result == DrawAnswer::Result::denied},
              {"prize", answer->prize ? prize_title(call, *answer->prize) : ""},
              {"campaign", answer->campaign}};
  if (answer->prize && answer->prize->amount) values["amount"] = money_text(*answer->prize->amount);
  if (answer->reason) {
    const auto& texts = page_texts(call.language);
    const auto text = texts.find("help_" + std::string(to_string(*answer->reason)));
    values["advice"] = text == texts.end() ? texts.at("help_other") : *text;
  }
  return call.page("result", std::move(values));
}

}  // namespace

std::span<const Route> draw_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/shake", Look::page, shake_page},
      {"POST", "/shake", Look::page, shake_form},
      {"POST", "/v1/draws/open", Look::api, open},
      {"POST", "/v1/draws", Look::api, draw},
  };
  return kRoutes;
}

}  // namespace foyer::portal
