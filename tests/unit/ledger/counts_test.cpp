// What is counted of a shopper: over midnight, over names, and until when.
#include "ledger/sqlite.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

class DayTest : public World {};

TEST_F(DayTest, TheCapsOfADayHoldWhenTheClockGoesBackOverMidnight) {
  open();
  auto campaign = sure_win();
  campaign.limits.day = 1;
  auto own = sure_win("own");
  own.priority = 1;
  own.limits.subject_day = 1;
  apply({campaign, own});
  const auto late = "2026-11-22T15:59:50.000Z", early = "2026-11-22T16:00:10.000Z";  // around midnight in the shop
  set_time(early);
  EXPECT_EQ(draw("n1", "alice").campaign, "own");
  EXPECT_EQ(draw("n2", "alice").campaign, "lunch");
  for (int i = 0; i < 3; ++i) {
    set_time(late);
    EXPECT_EQ(draw(fmt::format("late-{}", i), "alice").reason, campaign::Reason::subject_cap);
    set_time(early);
    EXPECT_EQ(draw(fmt::format("early-{}", i), "alice").reason, campaign::Reason::subject_cap);
  }
  ASSERT_TRUE(ledger_->pause_campaign("own", true, kDeadline));
  set_time(late);
  EXPECT_EQ(draw("bob-late", "bob").reason, campaign::Reason::paused) << "the first campaign's";
  EXPECT_EQ(ledger_->campaign_states(kDeadline)->at(1).won, 1u) << "the other's cap of the day held";
  set_time("2026-11-23T16:00:10.000Z");
  EXPECT_EQ(draw("bob-next", "bob").campaign, "lunch") << "another day";
}

TEST_F(DayTest, ADayTenYearsAheadIsNotTakenForToday) {
  open();
  auto campaign = sure_win();
  campaign.limits.day = 1;
  apply({campaign});
  set_time("2036-11-22T02:00:00.000Z");
  EXPECT_TRUE(draw("n1").coupon);
  set_time("2026-11-22T02:00:00.000Z");
  EXPECT_TRUE(draw("n2").coupon) << "the cap does not stay full for ten years";
  EXPECT_FALSE(draw("n3").coupon);
}

class NamesTest : public World {
 protected:
  static std::string name(int day) { return fmt::format("name-{}", day); }
  /// Today's name and the seven before, as a device has them.
  static std::vector<std::string> known(int day) {
    std::vector<std::string> names;
    for (int i = day; i >= std::max(0, day - 7); --i) names.push_back(name(i));
    return names;
  }
  campaign::DrawAnswer shake_on(int day) {
    auto command = shake(fmt::format("n{}-{}", day, turn_++), name(day));
    command.known_as = known(day);
    return ledger_->draw(command, kDeadline).value();
  }
  void come_in(int day) {
    campaign::AdmitCommand command;
    command.session = {
        random_hex(kernel_random, 16), name(day), "device", "pair-" + name(day), Way::link, "poster", "", 1, now(),
        now() + std::chrono::hours(2)};
    command.known_as = known(day);
    ASSERT_TRUE(ledger_->admit(command, kDeadline));
  }
  void open_with_cap() {
    open();
    auto campaign = sure_win();
    campaign.limits.subject_total = 2;
    apply({campaign});
  }
  int turn_ = 0;
};

TEST_F(NamesTest, TheTotalOfAShopperWhoShakesEveryWeekIsForEver) {
  open_with_cap();
  EXPECT_TRUE(shake_on(0).coupon);
  EXPECT_TRUE(shake_on(7).coupon);
  for (int day = 14; day <= 70; day += 7) {
    pass(24h * 7);
    EXPECT_EQ(shake_on(day).reason, campaign::Reason::subject_cap) << day;
  }
}

TEST_F(NamesTest, TheTotalOfAShopperWhoComesEveryDayIsKeptWithoutAShake) {
  open_with_cap();
  EXPECT_TRUE(shake_on(0).coupon);
  EXPECT_TRUE(shake_on(0).coupon);
  for (int day = 1; day <= 60; ++day) {
    pass(24h);
    come_in(day);
  }
  EXPECT_EQ(shake_on(60).reason, campaign::Reason::subject_cap);
}

TEST_F(NamesTest, OfTwoNamesOfOneDayTheCountsAreOne) {
  open();
  auto campaign = sure_win();
  campaign.limits.subject_day = 2;
  apply({campaign});
  EXPECT_TRUE(shake_on(0).coupon);
  EXPECT_TRUE(shake_on(1).coupon);
  EXPECT_EQ(shake_on(1).reason, campaign::Reason::subject_cap);
  EXPECT_EQ(shake_on(2).reason, campaign::Reason::subject_cap);
}

TEST_F(NamesTest, CountsOfWhoDoesNotComeAgainGo) {
  auto sweeping = settings();
  sweeping.sweep_every = 1ms;
  open(sweeping);
  apply({sure_win()});
  EXPECT_TRUE(shake_on(0).coupon);
  const auto rows = [&] {
    ledger_.reset();
    const auto there = Db(path(), Db::Mode::read_only, "").number("SELECT count(*) FROM subject_use");
    open(sweeping);
    return there;
  };
  pass(24h * 40);
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(rows(), 1) << "a sweep went by";
  pass(24h * 6);
  EXPECT_TRUE(eventually([&] { return rows() == 0; }));
}

}  // namespace
}  // namespace foyer::ledger
