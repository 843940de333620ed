#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace foyer {

/// Monotonic time (CLOCK_BOOTTIME): for every duration, time-out and order within one run. It has no now():
/// the Clock port hands it in.
struct Mono {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Mono>;
  static constexpr bool is_steady = true;
};
using MonoTime = Mono::time_point;

/// Wall time, UTC, milliseconds since 1970: a label, and the shop's calendar. Never used for durations.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// RFC 3339 in UTC with milliseconds: 2026-11-22T02:30:34.120Z
std::string to_rfc3339(WallTime time);
Result<WallTime> parse_rfc3339(std::string_view text);

inline std::int64_t unix_ms(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_unix_ms(std::int64_t ms) { return WallTime{std::chrono::milliseconds{ms}}; }

}  // namespace foyer
