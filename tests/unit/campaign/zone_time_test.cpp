#include "campaign/zone_time.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace foyer::campaign {
namespace {

using namespace std::chrono;
using test::at;
using test::zone;

TEST(ZoneTime, KnowsTheShopsCalendar) {
  const auto local = zone("Asia/Shanghai").local(at("2026-11-22T16:30:59.999Z"));
  EXPECT_EQ(local.day, 2026y / November / 23);
  EXPECT_EQ(local.weekday, Monday);
  EXPECT_EQ(local.minute, 30);
}

TEST(ZoneTime, FollowsDaylightSaving) {
  EXPECT_EQ(zone("Europe/Berlin").local(at("2026-03-29T00:59:00.000Z")).minute, 1 * 60 + 59);
  EXPECT_EQ(zone("Europe/Berlin").local(at("2026-03-29T01:00:00.000Z")).minute, 3 * 60);
  EXPECT_EQ(zone("America/New_York").local(at("2026-11-01T05:30:00.000Z")).minute, 1 * 60 + 30);
  EXPECT_EQ(zone("America/New_York").local(at("2026-11-01T06:30:00.000Z")).minute, 1 * 60 + 30);
}

TEST(ZoneTime, StartsADayAtItsFirstInstant) {
  EXPECT_EQ(zone("Asia/Shanghai").start_of(2026y / November / 23), at("2026-11-22T16:00:00.000Z"));
  EXPECT_EQ(zone("Europe/Berlin").start_of(2026y / March / 30), at("2026-03-29T22:00:00.000Z"));
  EXPECT_EQ(zone("America/New_York").start_of(2026y / November / 2), at("2026-11-02T05:00:00.000Z"));
  // No midnight on this day: clocks in Santiago went from 00:00 to 01:00.
  const auto first = zone("America/Santiago").start_of(2024y / September / 8);
  EXPECT_EQ(first, at("2024-09-08T04:00:00.000Z"));
  EXPECT_EQ(zone("America/Santiago").local(first).minute, 60);
  // Midnight twice: clocks in Havana went from 01:00 back to 00:00.
  EXPECT_EQ(zone("America/Havana").start_of(2024y / November / 3), at("2024-11-03T04:00:00.000Z"));
}

TEST(ZoneTime, RefusesWhatIsNoZone) {
  for (const auto* name : {"", "Mars/Olympus", "../../../etc/passwd", "asia/shanghai", "/usr/share/zoneinfo/UTC"}) {
    const auto loaded = ZoneTime::load(name);
    ASSERT_FALSE(loaded) << name;
    EXPECT_EQ(loaded.error().code, Code::refuse);
    EXPECT_NE(loaded.error().message.find("IANA"), std::string::npos);
  }
}

}  // namespace
}  // namespace foyer::campaign
