#include <algorithm>
#include <array>
#include <iterator>

#include "portal/call.hpp"
#include "portal/html.hpp"
#include "portal/qr.hpp"

namespace foyer::portal {

using campaign::Benefit;
using campaign::BenefitKind;
using campaign::Coupon;
using nlohmann::json;
using ports::HttpResponse;

namespace {

std::string_view name_of(BenefitKind kind) {
  constexpr std::array<std::string_view, 5> kNames{"amount_off", "percent_off", "gift", "exchange", "stamp"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string percent_text(std::uint32_t basis_points) {
  const auto whole = basis_points / 100, part = basis_points % 100;
  return part == 0 ? fmt::format("{}%", whole) : fmt::format("{}.{:02}%", whole, part);
}

std::string state_text(const Call& call, const Coupon& coupon) {
  return call.text("state_" + std::string(to_string(coupon.state)));
}

std::string title_of(const Call& call, const Coupon& coupon) {
  const auto& title = call.text(coupon.title);
  return title.empty() ? benefit_text(call, coupon.benefit) : title;
}

/// "ABCDE FGHJK L": as people read it out; the till drops the spaces.
std::string grouped(const std::string& code) {
  return code.size() == 11 ? code.substr(0, 5) + " " + code.substr(5, 5) + " " + code.substr(10) : code;
}

/// Under every name the device still has: the key of names is renewed while a coupon lasts.
Result<std::vector<Coupon>> coupons_of(const Call& call, const Visitor& visitor) {
  std::vector<Coupon> all;
  for (const auto& name : visitor.known_as) {
    auto some = call.services().coupons_of(name);
    if (!some) return some;
    std::move(some->begin(), some->end(), std::back_inserter(all));
  }
  return all;
}

bool owns(const Visitor& visitor, const Coupon& coupon) {
  return std::find(visitor.known_as.begin(), visitor.known_as.end(), coupon.subject) != visitor.known_as.end();
}

std::string clock_text(int minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

json list_entry(const Call& call, const Coupon& coupon) {
  return {{"id", coupon.id},
          {"title", title_of(call, coupon)},
          {"benefit", benefit_text(call, coupon.benefit)},
          {"state", state_text(call, coupon)},
          {"open", coupon.state == campaign::CouponState::issued},
          {"expires", local_time(call.settings(), coupon.expires_at)}};
}

HttpResponse list_page(const Call& call) {
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  const auto coupons = coupons_of(call, *visitor);
  if (!coupons) return call.failed(coupons.error());
  json rows = json::array();
  for (const auto& coupon : *coupons) rows.push_back(list_entry(call, coupon));
  json values{{"none", rows.empty()}, {"coupons", rows}};
  if (visitor->session) {
    const auto code = call.services().member_code(visitor->subject);
    if (!code) return call.failed(code.error());
    const auto qr = qr_svg(*code, *code);
    if (!qr) return call.failed(qr.error());
    values.update({{"member", grouped(*code)}, {"member_qr", *qr}});
  }
  return call.page("coupons", std::move(values));
}

HttpResponse list_json(const Call& call) {
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  const auto coupons = coupons_of(call, *visitor);
  if (!coupons) return call.failed(coupons.error());
  json out = json::array();
  for (const auto& coupon : *coupons) {
    auto entry = coupon_json(call, coupon);
    entry.update({{"title", title_of(call, coupon)},
                  {"benefit", benefit_json(call, coupon.benefit)},
                  {"campaign", coupon.campaign},
                  {"prize", coupon.prize},
                  {"uses_left", coupon.uses_left}});
    out.push_back(std::move(entry));
  }
  return json_response(out);
}

/// Somebody else's coupon looks exactly like one that does not exist.
HttpResponse coupon_page(const Call& call) {
  const auto visitor = call.visitor();
  if (!visitor) return visitor.error();
  const auto coupon = call.services().coupon(call.params[0]);
  if (!coupon) return call.failed(coupon.error());
  if (!*coupon || !owns(*visitor, **coupon)) return call.refuse(404, campaign::Reason::not_found);
  const auto& one = **coupon;
  auto values = list_entry(call, one);
  if (one.state == campaign::CouponState::issued || one.state == campaign::CouponState::reserved) {
    // The seal lets another shop of the chain take it while the line is cut; the bars are what every scanner reads.
    const auto qr = qr_svg(campaign::seal(one, call.settings().store, call.settings().coupon_seed), one.code);
    const auto bars = code128_svg(one.code, one.code);
    if (!qr) return call.failed(qr.error());
    if (!bars) return call.failed(bars.error());
    values.update({{"qr", *qr}, {"bars", *bars}, {"code_text", grouped(one.code)}});
  }
  if (one.benefit.min_spend) values["min_spend"] = money_text(*one.benefit.min_spend);
  if (one.starts_at > call.services().now()) values["starts"] = local_time(call.settings(), one.starts_at);
  if (one.hours != campaign::WeekHours{}) values["hours"] = week_text(call, one.hours);
  if (one.uses_left > 1) values["uses_left"] = std::to_string(one.uses_left);
  values["campaign"] = one.campaign;
  return call.page("coupon", std::move(values));
}

}  // namespace

std::span<const Route> coupon_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/coupons", Look::page, list_page},
      {"GET", "/c/{id}", Look::page, coupon_page},
      {"GET", "/v1/coupons", Look::api, list_json},
  };
  return kRoutes;
}

std::string week_text(const Call& call, const campaign::WeekHours& hours) {
  constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  std::string all;
  for (std::size_t i = 1; i <= kDays.size(); ++i) {
    const auto day = i % kDays.size();
    for (const auto& window : hours[day]) {
      const std::string name = call.text("day_" + std::string(kDays[day]));
      all += fmt::format("{}{} {}–{}", all.empty() ? "" : ", ", name, clock_text(window.from), clock_text(window.to));
    }
  }
  return all;
}

std::string money_text(const Money& money) {
  const auto amount = format_amount(money);
  return money.currency == "CNY" ? "¥" + amount : amount + " " + money.currency;
}

json money_json(const Money& money) { return {{"amount", format_amount(money)}, {"currency", money.currency}}; }

json coupon_value(const Benefit& benefit) {
  if (benefit.kind == BenefitKind::amount_off && benefit.amount)
    return {{"value", format_amount(*benefit.amount)}, {"currency", benefit.amount->currency}};
  if (benefit.kind == BenefitKind::percent_off) return {{"value", percent_text(benefit.percent_bp)}};
  return {{"value", name_of(benefit.kind)}};
}

std::string benefit_text(const Call& call, const Benefit& benefit) {
  const auto& texts = page_texts(call.language);
  std::string what;
  if (benefit.kind == BenefitKind::amount_off && benefit.amount)
    what = money_text(*benefit.amount);
  else if (benefit.kind == BenefitKind::percent_off)
    what = percent_text(benefit.percent_bp);
  else
    what = call.text(benefit.item);
  const std::string word = texts.at("benefit_" + std::string(name_of(benefit.kind)));
  const auto at = word.find("{}");
  return at == std::string::npos ? word : word.substr(0, at) + what + word.substr(at + 2);
}

json benefit_json(const Call& call, const Benefit& benefit) {
  json out{{"kind", name_of(benefit.kind)}};
  if (benefit.amount) out.update(money_json(*benefit.amount));
  if (benefit.kind == BenefitKind::percent_off) out["percent"] = percent_text(benefit.percent_bp);
  if (benefit.min_spend) out["min_spend"] = format_amount(*benefit.min_spend);
  if (!benefit.item.empty()) out["item"] = call.text(benefit.item);
  return out;
}

json coupon_json(const Call&, const Coupon& coupon) {
  json out{{"id", coupon.id},
           {"code", coupon.code},
           {"state", to_string(coupon.state)},
           {"expires_at", to_rfc3339(coupon.expires_at)},
           {"url", "/c/" + coupon.id}};
  out.update(coupon_value(coupon.benefit));
  return out;
}

}  // namespace foyer::portal
