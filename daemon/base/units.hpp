#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace foyer {

/// `500ms`, `30s`, `45m`, `2h`, `7d`: a whole number and one unit, no sign, no space needed.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

/// `512 B`, `64 KiB`, `256 MiB`, `2 GiB` (1024s) → bytes.
Result<std::uint64_t> parse_size(std::string_view text);

/// `500 kbit/s`, `10 Mbit/s`, `1 Gbit/s` (1000s) → bits a second.
Result<std::uint64_t> parse_rate(std::string_view text);

/// `5%` or `0.25%` → hundredths of a percent (basis points), 0 to 10,000.
Result<std::uint32_t> parse_percent(std::string_view text);

}  // namespace foyer
