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

HttpResponse open(const Call& call) {
  const auto visitor = may_draw(call);
  if (!visitor) return visitor.error();
  return json_response(
      {{"nonce", make_nonce(call.shared.nonces, visitor->device, call.services().now(), call.shared.random)},
       {"expires_in", kNonceLife.count()},
       {"mode", {"shake", "tap"}}});
}

campaign::DrawCommand command_for(const Visitor& visitor, std::string_view nonce, std::string mode) {
  campaign::DrawCommand command;
  command.nonce_hash = nonce_hash(nonce);
  command.shopper.subject = visitor.subject;
  command.shopper.presence = visitor.presence;
  command.shopper.zone = visitor.zone;
  command.session = visitor.session->id;
  command.mode = std::move(mode);
  command.known_as = visitor.known_as;
  return command;
}

std::string prize_title(const Call& call, const campaign::WonPrize& prize) {
  if (const auto& title = call.text(prize.title); !title.empty()) return title;
  if (prize.benefit) return benefit_text(call, *prize.benefit);
  return prize.amount ? money_text(*prize.amount) : std::string();
}

}  // namespace

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
  const auto good = check_nonce(call.shared.nonces, *nonce, visitor->device, call.services().now());
  // What was answered for this nonce stays its answer after its time, too.
  const bool late = !good && good.error() == Reason::nonce_expired;
  if (!good && !late) return denied(call, good.error());
  if (!visitor->session) return denied(call, Reason::presence_too_low);
  if (call.settings().consent_required && !visitor->consented && !late) return denied(call, Reason::consent_missing);
  auto command = command_for(*visitor, *nonce, *mode);
  command.replay_only = late;
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
  const auto nonce = make_nonce(call.shared.nonces, visitor->device, call.services().now(), call.shared.random);
  const auto answer = call.services().draw(command_for(*visitor, nonce, "tap"));
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

HttpResponse rules(const Call& call) {
  const auto campaigns = call.services().campaigns();
  if (!campaigns) return call.failed(campaigns.error());
  const auto found =
      std::find_if(campaigns->begin(), campaigns->end(), [&](const auto& one) { return one.id == call.params[0]; });
  if (found == campaigns->end()) return call.refuse(404, Reason::not_found);
  std::uint64_t weights = 0;
  for (const auto& prize : found->prizes) weights += prize.weight;
  json rows = json::array();
  for (const auto& prize : found->prizes) {
    const bool nothing = prize.kind == campaign::PrizeKind::nothing;
    campaign::WonPrize as_won{prize.id, prize.kind, prize.title, {}, {}};
    if (prize.kind == campaign::PrizeKind::coupon) as_won.benefit = prize.benefit;
    if (prize.kind == campaign::PrizeKind::red_packet) as_won.amount = prize.total;
    const auto title = prize_title(call, as_won);
    const double share = weights == 0 ? 0 : 100.0 * prize.weight / static_cast<double>(weights);
    json row{{"title", nothing && title.empty() ? page_texts(call.language).at("nothing") : json(title)},
             {"odds", fmt::format("{:.2f} %", share)}};
    if (prize.kind == campaign::PrizeKind::red_packet)
      row["count"] = std::to_string(prize.count);
    else if (prize.stock)
      row["count"] = std::to_string(*prize.stock);
    rows.push_back(std::move(row));
  }
  return call.page("rules", {{"title", call.text(found->title)}, {"rows", rows}});
}

constexpr Route kRoutes[] = {
    {"GET", "/shake", Look::page, shake_page},       {"POST", "/shake", Look::page, shake_form},
    {"GET", "/rules/{campaign}", Look::page, rules}, {"POST", "/v1/draws/open", Look::api, open},
    {"POST", "/v1/draws", Look::api, draw},
};

}  // namespace

std::span<const Route> draw_routes() { return kRoutes; }

}  // namespace foyer::portal
