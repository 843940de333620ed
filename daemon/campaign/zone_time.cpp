#include "campaign/zone_time.hpp"

#include <date/tz.h>

#include <exception>

namespace foyer::campaign {
namespace {

// std::chrono of g++ 12 has calendars but no time zones; date's calendars are types of their own.
date::local_days to_local_days(std::chrono::year_month_day day) {
  return date::local_days{std::chrono::local_days{day}.time_since_epoch()};
}

const date::time_zone& as_zone(const void* zone) { return *static_cast<const date::time_zone*>(zone); }

}  // namespace

Result<ZoneTime> ZoneTime::load(const std::string& name) {
  try {
    return ZoneTime(name, date::locate_zone(name));
  } catch (const std::exception&) {
    return fail(Code::refuse, "\"{}\" is not a time zone of this system; allowed are IANA names such as Asia/Shanghai",
                name.substr(0, 64));
  }
}

ZoneTime::Local ZoneTime::local(WallTime time) const {
  const auto at = as_zone(zone_).to_local(time);
  const auto midnight = date::floor<date::days>(at);
  const std::chrono::local_days day{midnight.time_since_epoch()};
  const auto minute = std::chrono::duration_cast<std::chrono::minutes>(at - midnight).count();
  return {std::chrono::year_month_day{day}, std::chrono::weekday{day}, static_cast<int>(minute)};
}

WallTime ZoneTime::start_of(std::chrono::year_month_day day) const {
  // earliest: where clocks go back over midnight the day began the first time; where midnight does not exist this is
  // the instant the clocks went forward.
  return as_zone(zone_).to_sys(to_local_days(day), date::choose::earliest);
}

}  // namespace foyer::campaign
