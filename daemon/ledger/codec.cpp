#include "ledger/codec.hpp"

#include <array>

namespace foyer::ledger {
namespace {

using campaign::Benefit;
using campaign::BenefitKind;
using campaign::DrawAnswer;
using campaign::PrizeKind;

constexpr std::array<std::string_view, 5> kBenefits{"amount_off", "percent_off", "gift", "exchange", "stamp"};
constexpr std::array<std::string_view, 3> kPrizes{"coupon", "red_packet", "nothing"};
constexpr std::array<std::string_view, 3> kResults{"won", "lost", "denied"};

template <class Enum, std::size_t N>
Enum read_name(const std::array<std::string_view, N>& names, const Json& json) {
  const auto name = json.get<std::string>();
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  return static_cast<Enum>(0);
}

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}

Json money_json(const Money& money) { return {{"minor", money.minor}, {"currency", money.currency}}; }
Money money_from(const Json& json) { return {json.at("minor"), json.at("currency")}; }

/// Without its subject: a till is never told whose a coupon is, and what is not kept need not be erased.
Json coupon_json(const campaign::Coupon& coupon) {
  return {{"id", coupon.id},
          {"code", coupon.code},
          {"campaign", coupon.campaign},
          {"prize", coupon.prize},
          {"title", to_json(coupon.title)},
          {"benefit", to_json(coupon.benefit)},
          {"state", campaign::to_string(coupon.state)},
          {"uses_left", coupon.uses_left},
          {"redeem_at", coupon.redeem_at},
          {"issued", unix_ms(coupon.issued_at)},
          {"starts", unix_ms(coupon.starts_at)},
          {"expires", unix_ms(coupon.expires_at)},
          {"reservation", coupon.reservation},
          {"reserved_until", unix_ms(coupon.reserved_until)}};
}

campaign::Coupon coupon_from(const Json& json) {
  campaign::Coupon coupon;
  coupon.id = json.at("id");
  coupon.code = json.at("code");
  coupon.campaign = json.at("campaign");
  coupon.prize = json.at("prize");
  coupon.title = text_from(json.at("title"));
  coupon.benefit = benefit_from(json.at("benefit"));
  coupon.state = campaign::parse_coupon_state(json.at("state").get<std::string>()).value();
  coupon.uses_left = json.at("uses_left");
  coupon.redeem_at = json.at("redeem_at").get<std::vector<std::string>>();
  coupon.issued_at = from_unix_ms(json.at("issued"));
  coupon.starts_at = from_unix_ms(json.at("starts"));
  coupon.expires_at = from_unix_ms(json.at("expires"));
  coupon.reservation = json.at("reservation");
  coupon.reserved_until = from_unix_ms(json.at("reserved_until"));
  return coupon;
}

Json prize_json(const campaign::WonPrize& prize) {
  Json json{{"id", prize.id}, {"kind", name_of(kPrizes, prize.kind)}, {"title", to_json(prize.title)}};
  if (prize.benefit) json["benefit"] = to_json(*prize.benefit);
  if (prize.amount) json["amount"] = money_json(*prize.amount);
  return json;
}

campaign::WonPrize prize_from(const Json& json) {
  campaign::WonPrize prize;
  prize.id = json.at("id");
  prize.kind = read_name<PrizeKind>(kPrizes, json.at("kind"));
  prize.title = text_from(json.at("title"));
  if (json.contains("benefit")) prize.benefit = benefit_from(json["benefit"]);
  if (json.contains("amount")) prize.amount = money_from(json["amount"]);
  return prize;
}

}  // namespace

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const campaign::Text& text) {
  auto json = Json::object();
  for (const auto& [language, words] : text) json[language] = words;
  return json;
}

campaign::Text text_from(const Json& json) {
  campaign::Text text;
  for (const auto& [language, words] : json.items()) text[language] = words.get<std::string>();
  return text;
}

Json to_json(const Benefit& benefit) {
  Json json{{"kind", name_of(kBenefits, benefit.kind)}};
  if (benefit.amount) json["amount"] = money_json(*benefit.amount);
  if (benefit.percent_bp != 0) json["percent_bp"] = benefit.percent_bp;
  if (benefit.min_spend) json["min_spend"] = money_json(*benefit.min_spend);
  if (!benefit.item.empty()) json["item"] = to_json(benefit.item);
  return json;
}

Benefit benefit_from(const Json& json) {
  Benefit benefit;
  benefit.kind = read_name<BenefitKind>(kBenefits, json.at("kind"));
  if (json.contains("amount")) benefit.amount = money_from(json["amount"]);
  benefit.percent_bp = json.value("percent_bp", 0u);
  if (json.contains("min_spend")) benefit.min_spend = money_from(json["min_spend"]);
  if (json.contains("item")) benefit.item = text_from(json["item"]);
  return benefit;
}

std::string to_record(const DrawAnswer& answer) {
  Json json{{"result", name_of(kResults, answer.result)}, {"campaign", answer.campaign}};
  if (answer.prize) json["prize"] = prize_json(*answer.prize);
  if (answer.coupon) json["coupon"] = answer.coupon->id;
  if (answer.reason) json["reason"] = campaign::to_string(*answer.reason);
  return dump(json);
}

DrawAnswer draw_from_record(const std::string& record) {
  const auto json = Json::parse(record);
  DrawAnswer answer;
  answer.result = read_name<DrawAnswer::Result>(kResults, json.at("result"));
  answer.campaign = json.at("campaign");
  if (json.contains("prize")) answer.prize = prize_from(json["prize"]);
  if (json.contains("coupon")) answer.coupon.emplace().id = json["coupon"];
  if (json.contains("reason")) answer.reason = campaign::parse_reason(json["reason"].get<std::string>());
  return answer;
}

std::string to_record(const campaign::WeekHours& hours) {
  auto all = Json::array();
  for (std::size_t day = 0; day < hours.size(); ++day)
    for (const auto& window : hours[day]) all.push_back({day, window.from, window.to});
  return all.empty() ? "" : dump(all);
}

campaign::WeekHours week_from(const std::string& record) {
  campaign::WeekHours hours;
  if (record.empty()) return hours;
  for (const auto& window : Json::parse(record))
    hours.at(window.at(0).get<std::size_t>()).push_back({window.at(1), window.at(2)});
  return hours;
}

std::string to_record(const campaign::TillAnswer& answer) {
  auto json = Json::object();
  if (answer.refused) json["refused"] = campaign::to_string(*answer.refused);
  if (answer.coupon) json["coupon"] = coupon_json(*answer.coupon);
  if (!answer.sale.empty()) json["sale"] = answer.sale;
  for (const auto& won : answer.triggered) {
    Json one{{"answer", to_record(won)}};
    if (won.coupon) one["coupon"] = coupon_json(*won.coupon);
    json["triggered"].push_back(std::move(one));
  }
  return dump(json);
}

campaign::TillAnswer till_from_record(const std::string& record) {
  const auto json = Json::parse(record);
  campaign::TillAnswer answer;
  if (json.contains("refused")) answer.refused = campaign::parse_reason(json["refused"].get<std::string>());
  if (json.contains("coupon")) answer.coupon = coupon_from(json["coupon"]);
  if (json.contains("sale")) answer.sale = json["sale"];
  for (const auto& one : json.value("triggered", Json::array())) {
    answer.triggered.push_back(draw_from_record(one.at("answer")));
    if (one.contains("coupon")) answer.triggered.back().coupon = coupon_from(one["coupon"]);
  }
  return answer;
}

Json value_of(const Benefit& benefit) {
  if (benefit.kind == BenefitKind::amount_off && benefit.amount)
    return {{"value", format_amount(*benefit.amount)}, {"currency", benefit.amount->currency}};
  if (benefit.kind == BenefitKind::percent_off) {
    const auto whole = benefit.percent_bp / 100, part = benefit.percent_bp % 100;
    return {{"value", part == 0 ? fmt::format("{}%", whole) : fmt::format("{}.{:02}%", whole, part)}};
  }
  return {{"value", name_of(kBenefits, benefit.kind)}};
}

}  // namespace foyer::ledger
