#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/strict_reader.hpp"
#include "campaign/model.hpp"

/// What the files of the campaign reader share; the reader's face is campaign/reader.hpp.
namespace foyer::campaign {

inline constexpr std::size_t kMostName = 64;
inline constexpr std::size_t kMostTitle = 200;
inline constexpr std::size_t kMostWindows = 24;  // of a day
inline constexpr std::chrono::seconds kLongestInterval = std::chrono::days{365};

std::optional<std::string> read_id(const Value& value);                    ///< [a-z0-9-]{1,64}
std::optional<std::chrono::year_month_day> read_date(const Value& value);  ///< 2026-11-01
std::optional<Hours> read_hours(const Value& value);                       ///< "11:00-14:00"
void read_validity(const Value& value, Validity& valid);                   ///< of a coupon
Prize read_prize(const Value& value);                                      ///< all but its id
bool names_kind(const Value& prize);                                       ///< its kind was written and known

}  // namespace foyer::campaign
