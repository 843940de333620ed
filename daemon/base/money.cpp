#include "base/money.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace foyer {

int currency_decimals(std::string_view currency) {
  constexpr std::array<std::string_view, 9> none{"JPY", "KRW", "VND", "CLP", "ISK", "PYG", "UGX", "XAF", "XOF"};
  constexpr std::array<std::string_view, 7> three{"BHD", "KWD", "OMR", "JOD", "TND", "IQD", "LYD"};
  if (std::find(none.begin(), none.end(), currency) != none.end()) return 0;
  if (std::find(three.begin(), three.end(), currency) != three.end()) return 3;
  return 2;
}

Result<Money> parse_money(std::string_view amount, std::string_view currency) {
  if (currency.size() != 3 ||
      !std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return fail(Code::refuse, "'{}' is not a currency: three capitals like CNY", currency);
  const int decimals = currency_decimals(currency);
  const auto bad = [&] {
    return fail(Code::refuse, "'{}' is not an amount in {}: digits with at most {} decimals, like {}", amount, currency,
                decimals,
                decimals == 0   ? "10"
                : decimals == 3 ? "10.000"
                                : "10.00");
  };
  const auto dot = amount.find('.');
  const auto whole = amount.substr(0, dot);
  const auto fraction = dot == std::string_view::npos ? std::string_view{} : amount.substr(dot + 1);
  if (whole.empty() || (dot != std::string_view::npos && fraction.empty()) ||
      fraction.size() > static_cast<std::size_t>(decimals))
    return bad();
  std::int64_t minor = 0;
  const auto push = [&minor](int digit) {
    if (minor > (std::numeric_limits<std::int64_t>::max() - digit) / 10) return false;
    minor = minor * 10 + digit;
    return true;
  };
  for (const auto part : {whole, fraction})
    for (const char c : part)
      if (c < '0' || c > '9' || !push(c - '0')) return bad();
  for (auto missing = fraction.size(); missing < static_cast<std::size_t>(decimals); ++missing)
    if (!push(0)) return bad();
  return Money{minor, std::string(currency)};
}

std::string format_amount(const Money& money) {
  const int decimals = currency_decimals(money.currency);
  std::int64_t scale = 1;
  for (int i = 0; i < decimals; ++i) scale *= 10;
  const std::string sign = money.minor < 0 ? "-" : "";
  const auto magnitude =
      money.minor < 0 ? 0 - static_cast<std::uint64_t>(money.minor) : static_cast<std::uint64_t>(money.minor);
  const auto whole = magnitude / static_cast<std::uint64_t>(scale),
             rest = magnitude % static_cast<std::uint64_t>(scale);
  if (decimals == 0) return fmt::format("{}{}", sign, whole);
  return fmt::format("{}{}.{:0{}}", sign, whole, rest, decimals);
}

}  // namespace foyer
