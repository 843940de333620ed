#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "campaign/exchange.hpp"

/// How the ledger writes values into its own columns and into the data of events. Read back by the same code only.
namespace foyer::ledger {

using Json = nlohmann::ordered_json;

/// One line; bytes that are not UTF-8 become U+FFFD, so that nothing a till sends can make an event unreadable.
std::string dump(const Json& json);

Json to_json(const campaign::Text& text);
Json to_json(const campaign::Benefit& benefit);
campaign::Text text_from(const Json& json);
campaign::Benefit benefit_from(const Json& json);

/// [[day, from, to], …]: c_encoding of the weekday, minutes; empty for always.
std::string to_record(const campaign::WeekHours& hours);
campaign::WeekHours week_from(const std::string& record);

/// The answer without the coupon itself, of which it keeps the id.
std::string to_record(const campaign::DrawAnswer& answer);
/// The coupon's id is in `coupon->id`; the rest of it is in its table.
campaign::DrawAnswer draw_from_record(const std::string& record);

std::string to_record(const campaign::TillAnswer& answer);
campaign::TillAnswer till_from_record(const std::string& record);

/// What a benefit is worth, for the accounts: {"value":"10.00","currency":"CNY"}, {"value":"20%"} or
/// {"value":"gift"}.
Json value_of(const campaign::Benefit& benefit);

}  // namespace foyer::ledger
