// The till's own page: a PIN, then scan or type, then redeem. Works without script and without a camera.
#include <algorithm>

#include "campaign/till_rules.hpp"
#include "portal/cashier.hpp"
#include "portal/html.hpp"
#include "portal/qr.hpp"

namespace foyer::portal {

using campaign::Reason;
using campaign::TillAction;
using campaign::TillRequest;
using nlohmann::json;
using ports::HttpResponse;

namespace {

constexpr std::size_t kLongestName = 64, kLongestPin = 64;
constexpr std::uint32_t kTriesPerMinute = 5;    // of one address, whatever names it tries
constexpr std::chrono::minutes kGuestPass{10};  // a QR code for a guest at the counter
constexpr std::chrono::hours kSession{12};      // a shift

HttpResponse login_page(const Call& call, const std::string& note, int status) {
  return call.page("staff_login", {{"note", note}}, status);
}

HttpResponse desk_page(const Call& call, const StaffMember& who, json values = json::object(), int status = 200) {
  values["who"] = who.name;
  values["module"] = "/assets/staff.js";
  return call.page("staff", std::move(values), status);
}

std::string cookie(const Call& call, const std::string& token, std::chrono::seconds life) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", kStaffCookie, token, life.count(),
                     call.request.tls ? "; Secure" : "");
}

/// A PIN goes over TLS wherever there is any.
std::optional<HttpResponse> to_tls(const Call& call) {
  if (!call.settings().https || call.request.tls) return std::nullopt;
  return redirect(303, call.settings().redirect + "staff" + call.lang_query);
}

using Desk = HttpResponse (*)(const Call&, const StaffMember&);

/// Who is logged in goes on, everybody else comes to the login.
template <Desk Work>
HttpResponse at_desk(const Call& call) {
  if (auto away = to_tls(call)) return std::move(*away);
  const auto who = staff_of(call);
  if (!who) return who.error();
  return *who ? Work(call, **who) : login_page(call, "", call.request.method == "GET" ? 200 : 401);
}

HttpResponse desk(const Call& call, const StaffMember& who) { return desk_page(call, who); }

HttpResponse enter(const Call& call) {
  if (auto away = to_tls(call)) return std::move(*away);
  const auto form = ports::parse_query(call.request.body);
  const auto name = field(form, "name"), pin = field(form, "pin");
  if (name.empty() || name.size() > kLongestName || pin.empty() || pin.size() > kLongestPin)
    return login_page(call, call.text("staff_wrong"), 403);
  const auto within = call.services().within_rate(to_string(call.request.remote), "staff", kTriesPerMinute);
  if (!within) return call.failed(within.error());
  if (!*within) return login_page(call, call.text("help_rate_limited"), 429);
  const auto entry = call.services().staff_enter(call.request.remote, name, pin);
  if (!entry) return call.failed(entry.error());
  if (entry->wait.count() > 0) {
    auto out = login_page(call, call.text("staff_wait"), 429);
    out.headers.emplace_back("Retry-After", std::to_string(entry->wait.count()));
    return out;
  }
  if (entry->token.empty()) return login_page(call, call.text("staff_wrong"), 403);
  auto out = call.see("/staff");
  out.headers.emplace_back("Set-Cookie", cookie(call, entry->token, kSession));
  return out;
}

HttpResponse leave(const Call& call, const StaffMember&) {
  if (const auto left = call.services().staff_leave(staff_token(call.request)); !left) return call.failed(left.error());
  auto out = call.see("/staff");
  out.headers.emplace_back("Set-Cookie", cookie(call, "", std::chrono::seconds{0}));
  return out;
}

std::string reason_text(const Call& call, Reason reason) {
  const auto& texts = page_texts(call.language);
  const auto found = texts.find("till_" + std::string(to_string(reason)));
  return found == texts.end() ? std::string(to_string(reason)) : found->get<std::string>();
}

json coupon_values(const Call& call, const campaign::Coupon& coupon) {
  const auto& title = call.text(coupon.title);
  json values{{"benefit", benefit_text(call, coupon.benefit)},
              {"title_text", title},
              {"state", call.text("state_" + std::string(to_string(coupon.state)))},
              {"expires", local_time(call.settings(), coupon.expires_at)}};
  if (coupon.uses > 1) values["uses_left"] = std::to_string(coupon.uses_left);
  if (coupon.benefit.min_spend) values["min_spend"] = money_text(*coupon.benefit.min_spend);
  return values;
}

/// What the form says; the currency is the coupon's own.
struct Wish {
  std::string code, amount, key;
};

Wish read_wish(const Call& call) {
  const auto form = ports::parse_query(call.request.body);
  return {field(form, "code").substr(0, campaign::kLongestSeal), field(form, "amount").substr(0, 32),
          field(form, "key").substr(0, 64)};
}

HttpResponse refused(const Call& call, const StaffMember& who, Reason reason, const campaign::Coupon* coupon) {
  json values{{"refused", reason_text(call, reason)}};
  if (coupon != nullptr) values["coupon"] = coupon_values(call, *coupon);
  return desk_page(call, who, std::move(values), 200);
}

/// The coupon the form names; the response says why there is none.
tl::expected<TillRequest, HttpResponse> find(const Call& call, const StaffMember& who, const Wish& wish) {
  TillRequest request;
  request.store = call.settings().store;
  request.terminal = "staff";
  request.operator_ = who.name;
  const auto known = read_shown(call, wish.code, request);
  if (!known) return tl::make_unexpected(refused(call, who, known.error(), nullptr));
  if (!*known) return tl::make_unexpected(refused(call, who, Reason::not_found, nullptr));
  return request;
}

/// The amount typed, in the currency the coupon asks for; nothing where it asks for none or it is no amount.
std::optional<Money> amount_for(const campaign::Coupon& coupon, const std::string& typed) {
  if (!coupon.benefit.min_spend || typed.empty()) return std::nullopt;
  auto money = parse_money(typed, coupon.benefit.min_spend->currency);
  if (!money) return std::nullopt;
  return *std::move(money);
}

HttpResponse check(const Call& call, const StaffMember& who) {
  const auto wish = read_wish(call);
  auto request = find(call, who, wish);
  if (!request) return request.error();
  auto answer = call.services().till(*request);
  if (answer && answer->coupon && answer->refused == Reason::min_spend) {
    request->amount = amount_for(*answer->coupon, wish.amount);
    if (request->amount) answer = call.services().till(*request);
  }
  if (!answer) return call.failed(answer.error());
  if (!answer->coupon) return refused(call, who, Reason::not_found, nullptr);
  // Without an amount it is asked for; with too small a one that is the answer.
  const bool ask_amount = answer->refused == Reason::min_spend && !request->amount;
  if (answer->refused && !ask_amount) return refused(call, who, *answer->refused, &*answer->coupon);
  return desk_page(call, who,
                   {{"coupon", coupon_values(call, *answer->coupon)},
                    {"ready", true},
                    {"code", wish.code},
                    {"amount", wish.amount},
                    {"ask_amount", answer->coupon->benefit.min_spend.has_value()},
                    {"key", random_hex(call.shared.random, 16)}});
}

HttpResponse redeem(const Call& call, const StaffMember& who) {
  const auto wish = read_wish(call);
  auto request = find(call, who, wish);
  if (!request) return request.error();
  auto answer = call.services().till(*request);
  if (answer && answer->coupon) {
    request->amount = amount_for(*answer->coupon, wish.amount);
    request->action = TillAction::redeem;
    // The button pressed twice is pressed once.
    if (!wish.key.empty()) request->idempotency_key = "/staff/" + who.name + ":" + wish.key;
    answer = call.services().till(*request);
  }
  if (!answer) return call.failed(answer.error());
  if (answer->refused || !answer->coupon)
    return refused(call, who, answer->refused.value_or(Reason::not_found), answer->coupon ? &*answer->coupon : nullptr);
  return desk_page(call, who, {{"done", true}, {"coupon", coupon_values(call, *answer->coupon)}});
}

/// A code that lets one guest after the other in, while the member of staff holds it out.
HttpResponse guest(const Call& call, const StaffMember& who) {
  const auto minted = mint({TokenKind::staff, call.settings().store, "", kGuestPass}, call.shared.keys,
                           call.services().now(), call.settings().screen_rotation, call.shared.random);
  const auto svg = qr_svg(call.settings().redirect + "q/" + minted.text, call.text("screen_label"));
  if (!svg) return call.failed(svg.error());
  return desk_page(call, who, {{"guest", *svg}, {"until", local_time(call.settings(), minted.expires)}});
}

HttpResponse staff_js(const Call&) {
  return {200,
          {{"Content-Type", "text/javascript; charset=utf-8"},
           {"Cache-Control", "max-age=300"},
           {"X-Content-Type-Options", "nosniff"}},
          std::string(embedded_page("staff.js")),
          nullptr};
}

}  // namespace

std::span<const Route> staff_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/staff", Look::page, at_desk<desk>},         {"POST", "/staff", Look::page, enter},
      {"POST", "/staff/check", Look::page, at_desk<check>}, {"POST", "/staff/redeem", Look::page, at_desk<redeem>},
      {"POST", "/staff/guest", Look::page, at_desk<guest>}, {"POST", "/staff/leave", Look::page, at_desk<leave>},
      {"GET", "/assets/staff.js", Look::page, staff_js},
  };
  return kRoutes;
}

}  // namespace foyer::portal
