#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace foyer::campaign {

/// The shop's time zone (IANA name), by the system's tzdata. Any thread.
class ZoneTime {
 public:
  static Result<ZoneTime> load(const std::string& name);

  struct Local {
    std::chrono::year_month_day day;
    std::chrono::weekday weekday;
    int minute = 0;  ///< after local midnight, by the wall clock in the shop (0 to 1439)
  };
  Local local(WallTime time) const;
  /// The first instant of a local day (after a gap where midnight does not exist).
  WallTime start_of(std::chrono::year_month_day day) const;
  const std::string& name() const { return name_; }

 private:
  ZoneTime(std::string name, const void* zone) : name_(std::move(name)), zone_(zone) {}
  std::string name_;
  const void* zone_;  // date::time_zone, which lives as long as the process
};

}  // namespace foyer::campaign
