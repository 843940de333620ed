#include <fmt/format.h>

#include "base/money.hpp"
#include "campaign/reader_parts.hpp"
#include "config/sections.hpp"

namespace foyer::config {
namespace {

constexpr std::size_t kMostCurrencies = 32;
constexpr std::size_t kMostQuiet = 24;
constexpr std::int64_t kMostOffers = 1'000'000'000;

void read_ceiling(const Value& value, campaign::Ceilings& ceilings) {
  const auto entries = value.table(1, kMostCurrencies);
  if (!entries) return;
  ceilings.clear();
  for (const auto& [currency, amount] : *entries) {
    const auto& name = currency.node().text;
    if (!parse_money("0", name)) {
      currency.fault("must be a currency of three capitals like CNY");
      continue;
    }
    const auto money = amount.is_scalar() ? parse_money(amount.node().text, name) : fail(Code::refuse, "not a text");
    if (money && money->minor > 0)
      ceilings[name] = money->minor;
    else
      amount.fault(fmt::format("must be an amount of {} like \"{}\", more than 0, not {}", name,
                               format_amount({50'000'00, name}), describe(amount.node())));
  }
}

void read_offers(const Value& value, campaign::OfferRules& rules) {
  const auto map = section(value, "promotions.offers");
  if (!map) return;
  if (const auto subject = map->find("per_subject"))
    if (const auto each = section(*subject, "promotions.offers.per_subject"))
      each->read("day", rules.subject_day, &Value::number, 0, kMostOffers);
  map->read("day", rules.day, &Value::number, 0, kMostOffers);
}

}  // namespace

void read_promotions(const Value& value, Promotions& promotions) {
  const auto map = section(value, "promotions");
  if (!map) return;
  if (const auto ceiling = map->find("ceiling")) read_ceiling(*ceiling, promotions.ceilings);
  if (const auto offers = map->find("offers")) read_offers(*offers, promotions.offers);
  if (const auto quiet = map->find("quiet"))
    for (const auto& item : quiet->list(0, kMostQuiet).value_or(std::vector<Value>{}))
      if (const auto hours = campaign::read_hours(item)) promotions.offers.quiet.push_back(*hours);
}

}  // namespace foyer::config
