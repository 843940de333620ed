// When a coupon may be used.
#include <fmt/format.h>

#include <array>

#include "campaign/reader_parts.hpp"

namespace foyer::campaign {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kLongestValidity = std::chrono::days{3650};
constexpr std::chrono::milliseconds kLongestDelay = std::chrono::days{365};
constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::vector<Hours> read_windows(const Value& value) {
  std::vector<Hours> windows;
  for (const auto& item : value.list(1, kMostWindows).value_or(std::vector<Value>{}))
    if (const auto window = read_hours(item)) windows.push_back(*window);
  return windows;
}

/// {mon: ["11:00-14:00"], sat: […]}: days left out are days on which it cannot be used.
void read_hours_by_day(const Value& value, WeekHours& hours) {
  const auto map = value.fields(kDays);
  if (!map) return;
  bool any = false;
  for (std::size_t day = 0; day < kDays.size(); ++day)
    if (const auto windows = map->find(kDays[day])) {
      hours[day] = read_windows(*windows);
      any = true;
    }
  if (!any) value.fault("names no day; leave hours out for always");
}

/// A list is the same for every day.
void read_times(const Value& value, WeekHours& hours) {
  if (value.node().kind == Node::Kind::map) return read_hours_by_day(value, hours);
  hours.fill(read_windows(value));
}

}  // namespace

void read_validity(const Value& value, Validity& valid) {
  const auto map = value.fields({"for", "until", "end_of_day", "from", "after", "hours"});
  if (!map) return;
  map->read("for", valid.for_, &Value::duration, 1s, kLongestValidity);
  if (const auto from = map->find("from")) valid.from = read_date(*from);
  map->read("after", valid.after, &Value::duration, 0s, kLongestDelay);
  if (const auto until = map->find("until")) {
    valid.until = read_date(*until);
    if (valid.from && valid.until && *valid.until < *valid.from) until->fault("is before from");
  }
  map->read("end_of_day", valid.end_of_day, &Value::flag);
  if (const auto hours = map->find("hours")) read_times(*hours, valid.hours);
  if (!map->find("for") && !map->find("until")) map->fault("needs for or until");
  if (valid.end_of_day && !map->find("for")) map->find("end_of_day")->fault("is only for a validity with for");
}

}  // namespace foyer::campaign
