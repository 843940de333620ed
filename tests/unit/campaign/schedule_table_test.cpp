#include <gtest/gtest.h>

#include <vector>

#include "campaign/draw.hpp"
#include "support.hpp"

/// The shop's clock in three zones, around every change of it: what is open when.
namespace foyer::campaign {
namespace {

using namespace std::chrono;
using test::at;
using test::zone;

struct Case {
  const char* place;
  Hours hours;
  const char* utc;
  bool open;
};

Campaign with(const Schedule& schedule) {
  Campaign campaign;
  campaign.id = "c";
  campaign.schedule = schedule;
  return campaign;
}

std::optional<Reason> reason(const Schedule& schedule, const char* utc, const char* place) {
  return refused_by_rules(with(schedule), {"s", 5, "", false}, Moment::at(at(utc), true, zone(place)));
}

constexpr Hours kLunch{11 * 60, 14 * 60}, kNight{22 * 60, 4 * 60}, kTwo{2 * 60, 3 * 60}, kOne{60, 2 * 60};

// Berlin: 2026-03-29 02:00 → 03:00 (01:00Z), 2026-10-25 03:00 → 02:00 (01:00Z).
// New York: 2026-03-08 02:00 → 03:00 (07:00Z), 2026-11-01 02:00 → 01:00 (06:00Z). Shanghai: never.
const std::vector<Case> kCases{
    {"Asia/Shanghai", kLunch, "2026-03-29T02:59:59.999Z", false},
    {"Asia/Shanghai", kLunch, "2026-03-29T03:00:00.000Z", true},
    {"Asia/Shanghai", kLunch, "2026-03-29T05:59:59.999Z", true},
    {"Asia/Shanghai", kLunch, "2026-03-29T06:00:00.000Z", false},
    {"Asia/Shanghai", kNight, "2026-10-24T13:59:59.999Z", false},
    {"Asia/Shanghai", kNight, "2026-10-24T14:00:00.000Z", true},
    {"Asia/Shanghai", kNight, "2026-10-24T16:00:00.000Z", true},
    {"Asia/Shanghai", kNight, "2026-10-24T19:59:59.999Z", true},
    {"Asia/Shanghai", kNight, "2026-10-24T20:00:00.000Z", false},
    {"Asia/Shanghai", kTwo, "2026-03-28T18:30:00.000Z", true},

    {"Europe/Berlin", kLunch, "2026-03-28T10:00:00.000Z", true},   // CET: 11:00
    {"Europe/Berlin", kLunch, "2026-03-29T08:59:59.999Z", false},  // CEST: 10:59
    {"Europe/Berlin", kLunch, "2026-03-29T09:00:00.000Z", true},
    {"Europe/Berlin", kLunch, "2026-03-29T12:00:00.000Z", false},
    {"Europe/Berlin", kTwo, "2026-03-29T00:59:59.999Z", false},  // 01:59
    {"Europe/Berlin", kTwo, "2026-03-29T01:00:00.000Z", false},  // 03:00: the hour does not come
    {"Europe/Berlin", kTwo, "2026-10-25T00:00:00.000Z", true},   // 02:00 summer
    {"Europe/Berlin", kTwo, "2026-10-25T00:59:59.999Z", true},
    {"Europe/Berlin", kTwo, "2026-10-25T01:00:00.000Z", true},  // 02:00 winter: the hour comes twice
    {"Europe/Berlin", kTwo, "2026-10-25T01:59:59.999Z", true},
    {"Europe/Berlin", kTwo, "2026-10-25T02:00:00.000Z", false},
    {"Europe/Berlin", kNight, "2026-03-28T20:59:59.999Z", false},
    {"Europe/Berlin", kNight, "2026-03-28T21:00:00.000Z", true},
    {"Europe/Berlin", kNight, "2026-03-29T01:59:59.999Z", true},   // 03:59, five hours later
    {"Europe/Berlin", kNight, "2026-03-29T02:00:00.000Z", false},  // 04:00
    {"Europe/Berlin", kNight, "2026-10-24T20:00:00.000Z", true},   // 22:00 summer
    {"Europe/Berlin", kNight, "2026-10-25T02:59:59.999Z", true},   // 03:59 winter, seven hours later
    {"Europe/Berlin", kNight, "2026-10-25T03:00:00.000Z", false},

    {"America/New_York", kLunch, "2026-03-07T16:00:00.000Z", true},  // EST: 11:00
    {"America/New_York", kLunch, "2026-03-08T14:59:59.999Z", false},
    {"America/New_York", kLunch, "2026-03-08T15:00:00.000Z", true},  // EDT: 11:00
    {"America/New_York", kTwo, "2026-03-08T06:59:59.999Z", false},
    {"America/New_York", kTwo, "2026-03-08T07:00:00.000Z", false},  // 03:00
    {"America/New_York", kOne, "2026-11-01T05:00:00.000Z", true},
    {"America/New_York", kOne, "2026-11-01T06:59:59.999Z", true},
    {"America/New_York", kOne, "2026-11-01T07:00:00.000Z", false},
    {"America/New_York", kNight, "2026-10-31T02:00:00.000Z", true},
    {"America/New_York", kNight, "2026-11-01T08:59:59.999Z", true},  // 03:59 EST
    {"America/New_York", kNight, "2026-11-01T09:00:00.000Z", false},
};

TEST(ScheduleTable, GoesByTheClockOnTheWall) {
  for (const auto& one : kCases) {
    Schedule schedule;
    schedule.hours = {one.hours};
    EXPECT_EQ(!reason(schedule, one.utc, one.place), one.open) << one.place << " " << one.utc << " " << one.hours.from;
  }
}

/// Minute by minute over the whole day of the change: open exactly when the wall clock says so.
TEST(ScheduleTable, AgreesWithTheWallEveryMinuteOfADayThatChanges) {
  for (const auto& [place, from] :
       std::vector<std::pair<const char*, const char*>>{{"Europe/Berlin", "2026-03-28T22:00:00.000Z"},
                                                        {"Europe/Berlin", "2026-10-24T21:00:00.000Z"},
                                                        {"America/New_York", "2026-03-08T03:00:00.000Z"},
                                                        {"America/New_York", "2026-11-01T02:00:00.000Z"},
                                                        {"Asia/Shanghai", "2026-11-01T14:00:00.000Z"}}) {
    Schedule schedule;
    schedule.hours = {kNight};
    const auto where = zone(place);
    for (int minute = 0; minute < 28 * 60; ++minute) {
      const auto now = at(from) + minutes{minute};
      const auto wall = where.local(now).minute;
      const bool open = !refused_by_rules(with(schedule), {"s", 5, "", false}, Moment::at(now, true, where));
      ASSERT_EQ(open, wall >= kNight.from || wall < kNight.to) << place << " " << to_rfc3339(now);
    }
  }
}

TEST(ScheduleTable, DaysLeftOutTakeTheirNightWithThem) {
  Schedule schedule;
  schedule.hours = {kNight};
  schedule.except = {2026y / December / 24};
  EXPECT_EQ(reason(schedule, "2026-12-23T14:00:00.000Z", "Asia/Shanghai"), std::nullopt);           // 23rd 22:00
  EXPECT_EQ(reason(schedule, "2026-12-23T17:00:00.000Z", "Asia/Shanghai"), std::nullopt);           // 24th 01:00
  EXPECT_EQ(reason(schedule, "2026-12-24T14:00:00.000Z", "Asia/Shanghai"), Reason::outside_hours);  // 24th 22:00
  EXPECT_EQ(reason(schedule, "2026-12-24T17:00:00.000Z", "Asia/Shanghai"), Reason::outside_hours);  // 25th 01:00
  EXPECT_EQ(reason(schedule, "2026-12-25T14:00:00.000Z", "Asia/Shanghai"), std::nullopt);
}

TEST(ScheduleTable, IsOverAfterTheLastNight) {
  Schedule schedule;
  schedule.until = 2026y / December / 31;
  schedule.hours = {kNight};
  const auto over = [&](const char* utc) {
    return is_over(schedule, Moment::at(at(utc), true, zone("Asia/Shanghai")));
  };
  EXPECT_FALSE(over("2026-12-31T15:59:59.999Z"));
  EXPECT_FALSE(over("2026-12-31T19:59:59.999Z"));  // 03:59
  EXPECT_TRUE(over("2026-12-31T20:00:00.000Z"));
  schedule.hours.clear();
  EXPECT_TRUE(over("2026-12-31T16:00:00.000Z"));
  schedule.until.reset();
  EXPECT_FALSE(over("2036-12-31T16:00:00.000Z"));
}

}  // namespace
}  // namespace foyer::campaign
