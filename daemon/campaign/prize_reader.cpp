#include <fmt/format.h>

#include <array>

#include "base/money.hpp"
#include "campaign/reader_parts.hpp"

namespace foyer::campaign {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMostStock = 1'000'000'000;
constexpr std::int64_t kMostWeight = 1'000'000;
constexpr std::int64_t kMostUses = 1000;
constexpr std::int64_t kMostPackets = 10'000;  // each is a row from the start
constexpr std::size_t kMostStores = 1000;

/// The map's currency; where it is missing or wrong that is a fault, once.
std::optional<std::string> read_currency(const Fields& map) {
  const auto value = map.require("currency");
  if (!value) return std::nullopt;
  if (value->is_scalar() && parse_money("0", value->node().text)) return value->node().text;
  value->fault(fmt::format("must be a currency of three capitals like CNY, not {}", describe(value->node())));
  return std::nullopt;
}

std::optional<Money> read_amount(const Value& value, const std::optional<std::string>& currency, std::int64_t least) {
  if (!currency) return std::nullopt;  // said already
  const auto smallest = format_amount({least, *currency});
  auto money = value.is_scalar() ? parse_money(value.node().text, *currency) : fail(Code::refuse, "not a text");
  if (money && money->minor >= least) return *std::move(money);
  value.fault(fmt::format("must be an amount of {} like \"{}\", at least {}, with at most {} decimals, not {}",
                          *currency, format_amount({1000, *currency}), smallest, currency_decimals(*currency),
                          describe(value.node())));
  return std::nullopt;
}

constexpr std::array<std::pair<std::string_view, BenefitKind>, 5> kBenefits{{{"amount_off", BenefitKind::amount_off},
                                                                             {"percent_off", BenefitKind::percent_off},
                                                                             {"gift", BenefitKind::gift},
                                                                             {"exchange", BenefitKind::exchange},
                                                                             {"stamp", BenefitKind::stamp}}};
constexpr std::array<std::pair<std::string_view, PrizeKind>, 3> kPrizes{
    {{"coupon", PrizeKind::coupon}, {"red_packet", PrizeKind::red_packet}, {"nothing", PrizeKind::nothing}}};

/// The meaning of a map's `kind` before its faults are logged: it says which keys are known.
template <class E, std::size_t N>
std::optional<E> kind_of(const Value& map, const std::array<std::pair<std::string_view, E>, N>& kinds) {
  for (const auto& [key, value] : map.node().entries) {
    if (key.text != "kind" || value.kind != Node::Kind::scalar) continue;
    for (const auto& [word, kind] : kinds)
      if (word == value.text) return kind;
  }
  return std::nullopt;
}

std::optional<Fields> benefit_fields(const Value& value) {
  const auto kind = kind_of(value, kBenefits);
  if (!kind) return value.fields({"kind", "amount", "percent", "currency", "min_spend", "item"});
  switch (*kind) {
    case BenefitKind::amount_off: return value.fields({"kind", "amount", "currency", "min_spend"});
    case BenefitKind::percent_off: return value.fields({"kind", "percent", "currency", "min_spend"});
    default: return value.fields({"kind", "item", "currency", "min_spend"});
  }
}

void read_benefit(const Value& value, bool titled, Benefit& benefit) {
  const auto map = benefit_fields(value);
  if (!map) return;
  const auto kind = map->require("kind");
  if (!kind) return;
  const auto meant = kind->choice<BenefitKind>(std::span(kBenefits));
  if (!meant) return;
  benefit.kind = *meant;
  std::optional<std::string> currency;
  if (benefit.kind == BenefitKind::amount_off || map->find("min_spend")) currency = read_currency(*map);
  if (const auto least = map->find("min_spend")) benefit.min_spend = read_amount(*least, currency, 0);
  if (benefit.kind == BenefitKind::amount_off) {
    if (const auto amount = map->require("amount")) benefit.amount = read_amount(*amount, currency, 1);
  } else if (benefit.kind == BenefitKind::percent_off) {
    map->require("percent", benefit.percent_bp, &Value::percent, 1, 10'000);
  } else if (!map->read("item", benefit.item, &Value::texts, kMostTitle) && !map->find("item") && !titled) {
    map->fault("needs an item, or the prize a title: what the shopper gets");
  }
}

void read_coupon(const Fields& map, Prize& prize) {
  map.read("stock", prize.stock, &Value::number, 0, kMostStock);
  if (const auto benefit = map.require("benefit")) read_benefit(*benefit, map.find("title").has_value(), prize.benefit);
  if (const auto valid = map.find("valid")) read_validity(*valid, prize.valid);
  map.read("uses", prize.uses, &Value::number, 1, kMostUses);
  map.read("interval", prize.interval, &Value::seconds, 0s, kLongestInterval);
  map.read("redeem_at", prize.redeem_at, &Value::names, kMostStores, kMostName);
  map.choose<bool>("codes", prize.imported_codes, {{"made", false}, {"imported", true}});
}

void read_red_packet(const Fields& map, Prize& prize) {
  const auto currency = read_currency(map);
  if (const auto total = map.require("total"))
    if (auto money = read_amount(*total, currency, 1)) prize.total = *std::move(money);
  map.require("count", prize.count, &Value::number, 1, kMostPackets);
  if (const auto least = map.find("at_least"))
    if (const auto money = read_amount(*least, currency, 1)) prize.at_least_minor = money->minor;
  if (prize.total.minor > 0 && prize.count > 0 && prize.at_least_minor > prize.total.minor / prize.count) {
    const auto shortest = format_amount({prize.at_least_minor, prize.total.currency});
    map.find("total")->fault(fmt::format("is less than {} packets of at least {}", prize.count, shortest));
  }
}

}  // namespace

bool names_kind(const Value& prize) { return kind_of(prize, kPrizes).has_value(); }

Prize read_prize(const Value& value) {
  Prize prize;
  const auto kind = kind_of(value, kPrizes);
  std::optional<Fields> map;
  if (!kind)
    map = value.fields({"kind", "title", "weight", "stock", "benefit", "valid", "uses", "interval", "redeem_at",
                        "codes", "total", "currency", "count", "at_least"});
  else if (*kind == PrizeKind::coupon)
    map = value.fields(
        {"kind", "title", "weight", "stock", "benefit", "valid", "uses", "interval", "redeem_at", "codes"});
  else if (*kind == PrizeKind::red_packet)
    map = value.fields({"kind", "title", "weight", "total", "currency", "count", "at_least"});
  else
    map = value.fields({"kind", "title", "weight"});
  if (!map) return prize;
  if (const auto written = map->require("kind"))
    prize.kind = written->choice<PrizeKind>(std::span(kPrizes)).value_or(prize.kind);
  map->read("title", prize.title, &Value::texts, kMostTitle);
  map->read("weight", prize.weight, &Value::number, 0, kMostWeight);
  if (kind == PrizeKind::coupon) read_coupon(*map, prize);
  if (kind == PrizeKind::red_packet) read_red_packet(*map, prize);
  return prize;
}

}  // namespace foyer::campaign
