#include "drivers/bluez/ladder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace foyer::drivers::bluez {
namespace {

using namespace std::chrono_literals;
using ports::Rung;

struct Climb : testing::Test {
  /// Every rung until `end`, as "seconds name".
  std::vector<std::string> until(std::chrono::seconds end) {
    std::vector<std::string> steps;
    for (; now < start + end; now += 1s)
      if (const auto rung = ladder.next(now, trouble))
        steps.push_back(std::to_string((now - start) / 1s) + " " + ports::kRungNames[static_cast<std::size_t>(*rung)]);
    return steps;
  }
  const MonoTime start{1h};
  MonoTime now = start;
  std::uint64_t random = 0;
  Ladder ladder{Pace{}, [this] { return random; }};
  Ladder::Trouble trouble{Rung::discovery, start, 0ms, true, {true, true, true, true}};
};
using Steps = std::vector<std::string>;

TEST_F(Climb, TakesEachRungAndWaitsForItsEffect) {
  EXPECT_EQ(until(40s), (Steps{"0 discovery", "10 power", "20 reset", "30 service"}));
  EXPECT_EQ(ladder.highest(), Rung::service);
}

TEST_F(Climb, AllIsTriedWithinTwoMinutes) {
  trouble.patience = Pace{}.patience;
  EXPECT_EQ(until(60s), (Steps{"15 discovery", "25 power", "35 reset", "45 service", "55 discovery"}));
}

TEST_F(Climb, BacksOffWithFullJitterAfterAPass) {
  random = 59'999;  // milliseconds, of the 60 s the first back-off may take
  until(40s);
  EXPECT_EQ(until(100s), Steps{});
  EXPECT_EQ(until(101s), Steps{"100 discovery"});
}

TEST_F(Climb, BeginsWhereItCanHelp) {
  trouble.first = Rung::service;
  trouble.patience = 15s;
  EXPECT_EQ(until(20s), Steps{"15 service"});
}

TEST_F(Climb, GoesStraightUpWhenMoreIsKnown) {
  EXPECT_EQ(until(3s), Steps{"0 discovery"});
  trouble.first = Rung::service;
  EXPECT_EQ(until(5s), Steps{"3 service"});
}

TEST_F(Climb, LeavesOutWhatIsImpossible) {
  trouble.possible = {true, false, false, true};
  EXPECT_EQ(until(15s), (Steps{"0 discovery", "10 service"}));
}

TEST_F(Climb, GoesOnAtOnceWhereARungCouldNotBeTried) {
  EXPECT_EQ(until(21s), (Steps{"0 discovery", "10 power", "20 reset"}));
  ladder.failed(now);
  EXPECT_EQ(until(22s), Steps{"21 service"});
}

TEST_F(Climb, HasACapAnHour) {
  until(3600s);
  for (std::size_t i = 0; i < ports::kRungs; ++i) EXPECT_LE(ladder.counts()[i], Ladder::kPerHour[i]) << i;
  EXPECT_EQ(ladder.counts()[3], Ladder::kPerHour[3]) << "never so few that the cap was not tried";
  const auto before = ladder.counts()[3];
  until(7200s);
  EXPECT_GT(ladder.counts()[3], before) << "a new hour";
}

TEST_F(Climb, IsReluctantWhereThereMayBeNoTrouble) {
  trouble.eager = false;
  trouble.patience = 60s;
  EXPECT_EQ(until(1000s), (Steps{"60 discovery", "180 power", "420 reset", "900 service"}));
}

TEST_F(Climb, AnotherTroubleIsNotSaidToHaveBeenTried) {
  until(40s);
  ladder.over();
  EXPECT_EQ(ladder.highest(), Rung::service) << "of the last";
  ladder.forget();
  EXPECT_FALSE(ladder.highest());
}

TEST_F(Climb, StartsFromTheBottomInTheNextTrouble) {
  until(25s);
  ladder.over();
  trouble.since = now;
  EXPECT_EQ(until(26s), Steps{"25 discovery"});
  EXPECT_EQ(ladder.highest(), Rung::discovery);
}

}  // namespace
}  // namespace foyer::drivers::bluez
