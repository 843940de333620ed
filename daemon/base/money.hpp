#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace foyer {

/// An amount in the smallest unit of an ISO 4217 currency: exact, never floating point.
struct Money {
  std::int64_t minor = 0;  ///< cents, fen; whole yen
  std::string currency;    ///< three capitals, "CNY"

  bool operator==(const Money&) const = default;
};

/// Decimals of a currency (ISO 4217): 0 for JPY, KRW, VND, CLP, ISK; 3 for BHD, KWD, OMR, JOD, TND; 2 for the rest.
int currency_decimals(std::string_view currency);

/// "10.00" + "CNY" → 1000 fen. Refuses signs, exponents, more decimals than the currency has, and overflow.
Result<Money> parse_money(std::string_view amount, std::string_view currency);

/// The decimal string alone, always with the currency's decimals: "10.00".
std::string format_amount(const Money& money);

}  // namespace foyer
