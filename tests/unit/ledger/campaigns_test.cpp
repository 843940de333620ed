#include "ledger/campaigns.hpp"

#include <algorithm>

#include "world.hpp"

namespace foyer::ledger {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::year;
using std::chrono::year_month_day;

class CampaignsTest : public World {
 protected:
  Ledger::Applied try_apply(campaign::Campaign campaign, const std::string& source = "file") {
    return ledger_->apply_campaigns(source, {std::move(campaign)}, kDeadline).value();
  }
};

TEST_F(CampaignsTest, SurviveARestartAsTheyWere) {
  open();
  auto campaign = sure_win();
  campaign.schedule.until = year_month_day{year{2026}, month{12}, day{31}};
  campaign.prizes[0].stock = 5;
  apply({campaign}, "mqtt:lunch");
  apply({sure_win("other")});
  open();
  const auto campaigns = ledger_->campaigns(kDeadline).value();
  ASSERT_EQ(campaigns.size(), 2u);
  EXPECT_EQ(campaigns[0], campaign);
  EXPECT_EQ(count(Stream::health, "campaign.applied"), 2u);
  apply({sure_win("other")});
  EXPECT_EQ(count(Stream::health, "campaign.applied"), 2u) << "nothing changed, nothing is told";
  apply({});
  EXPECT_EQ(ledger_->campaigns(kDeadline).value().size(), 1u) << "the other source's stays";
}

TEST_F(CampaignsTest, LargerThanAMessageIsInForceAlsoAfterARestart) {
  open();
  auto campaign = sure_win("long");
  const auto prize = campaign.prizes[0];
  campaign.prizes.clear();
  for (int i = 0; i < 50; ++i) {
    campaign.prizes.push_back(prize);
    campaign.prizes.back().id = fmt::format("p{}", i);
    for (int language = 0; language < 16; ++language)
      campaign.prizes.back().title[{'x', static_cast<char>('a' + language)}] = std::string(200, 'w');
  }
  apply({campaign});
  EXPECT_EQ(ledger_->campaigns(kDeadline).value(), std::vector{campaign});
  campaign.paused = true;
  apply({campaign});
  open();
  EXPECT_EQ(ledger_->campaigns(kDeadline).value(), std::vector{campaign}) << "also when it has started";
  EXPECT_EQ(count(Stream::health, "campaign.refused"), 0u);
}

TEST_F(CampaignsTest, WhatCannotBeReadBackIsRefused) {
  open();
  auto campaign = sure_win("none");
  campaign.prizes.clear();  // no reader makes such a one
  const auto refused = try_apply(campaign).refused;
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].second.find("cannot be stored"), std::string::npos);
  EXPECT_TRUE(ledger_->campaigns(kDeadline).value().empty());
}

TEST_F(CampaignsTest, StartedAcceptsOnlyPauseResumeLaterEndMoreStock) {
  open();
  auto campaign = sure_win();
  campaign.schedule.until = year_month_day{year{2026}, month{12}, day{31}};
  campaign.prizes[0].stock = 5;
  apply({campaign});
  auto heavier = campaign;
  heavier.prizes[0].weight = 2;
  auto refused = try_apply(heavier).refused;
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].second.find("prizes"), std::string::npos);
  EXPECT_EQ(last(Stream::health, "campaign.refused")["campaign"], "lunch");
  EXPECT_FALSE(last(Stream::health, "campaign.refused")["reasons"].empty());
  auto less = campaign;
  less.prizes[0].stock = 4;
  EXPECT_EQ(try_apply(less).refused.size(), 1u);
  auto earlier = campaign;
  earlier.schedule.until = year_month_day{year{2026}, month{12}, day{30}};
  EXPECT_EQ(try_apply(earlier).refused.size(), 1u);
  auto good = campaign;
  good.prizes[0].stock = 6;
  good.paused = true;
  good.schedule.until = year_month_day{year{2027}, month{1}, day{31}};
  EXPECT_TRUE(try_apply(good).refused.empty());
  EXPECT_EQ(ledger_->campaigns(kDeadline).value()[0], good);
  apply({});
  EXPECT_EQ(try_apply(heavier).refused.size(), 1u) << "taking it away and bringing it back is no way round";
}

TEST_F(CampaignsTest, NotStartedMayChange) {
  open();
  auto campaign = sure_win();
  campaign.schedule.from = year_month_day{year{2026}, month{12}, day{1}};
  apply({campaign});
  campaign.prizes[0].weight = 9;
  EXPECT_TRUE(try_apply(campaign).refused.empty());
  set_time("2026-12-01T00:00:00.000Z");
  campaign.prizes[0].weight = 10;
  EXPECT_EQ(try_apply(campaign).refused.size(), 1u) << "its day has come";
}

TEST_F(CampaignsTest, OperatorsPauseOutlivesReloadAndRestart) {
  open();
  apply({sure_win()});
  ASSERT_TRUE(ledger_->pause_campaign("lunch", true, kDeadline));
  EXPECT_EQ(draw("n1").reason, campaign::Reason::paused);
  open();
  apply({sure_win()});
  EXPECT_EQ(draw("n2").reason, campaign::Reason::paused);
  ASSERT_TRUE(ledger_->pause_campaign("lunch", false, kDeadline));
  EXPECT_EQ(draw("n3").result, campaign::DrawAnswer::Result::won);
  EXPECT_EQ(ledger_->pause_campaign("nobody", true, kDeadline).error().code, Code::refuse);
}

// The file's `paused: true` came back with the next reload.
TEST_F(CampaignsTest, OperatorsResumeOutlivesReloadAndRestartToo) {
  open();
  auto campaign = sure_win();
  campaign.paused = true;
  apply({campaign});
  EXPECT_EQ(draw("n1").reason, campaign::Reason::paused);
  ASSERT_TRUE(ledger_->pause_campaign("lunch", false, kDeadline));
  EXPECT_EQ(draw("n2").result, campaign::DrawAnswer::Result::won);
  for (int i = 0; i < 2; ++i) {
    apply({campaign});
    EXPECT_EQ(draw("reloaded-" + std::to_string(i)).result, campaign::DrawAnswer::Result::won);
    open();
    EXPECT_EQ(draw("restarted-" + std::to_string(i)).result, campaign::DrawAnswer::Result::won);
  }
  ASSERT_TRUE(ledger_->pause_campaign("lunch", true, kDeadline));
  EXPECT_EQ(draw("n3").reason, campaign::Reason::paused);
  ASSERT_TRUE(ledger_->pause_campaign("lunch", false, kDeadline));
  campaign.paused = false;
  apply({campaign});
  campaign.paused = true;
  apply({campaign});
  EXPECT_EQ(draw("n4").reason, campaign::Reason::paused) << "the source's newer word: the chain's switch works";
}

// valid.until had to be after schedule.until and could not move with it.
TEST_F(CampaignsTest, ALaterEndMayTakeTheCouponsEndAlong) {
  open();
  const auto december = year_month_day{year{2026}, month{12}, day{31}},
             january = year_month_day{year{2027}, month{1}, day{31}};
  auto campaign = sure_win();
  campaign.schedule.until = campaign.prizes[0].valid.until = december;
  apply({campaign});
  draw("n1");
  auto later = campaign;
  later.schedule.until = later.prizes[0].valid.until = january;
  EXPECT_TRUE(try_apply(later).refused.empty());
  EXPECT_EQ(ledger_->campaigns(kDeadline).value()[0], later);
  EXPECT_EQ(try_apply(campaign).refused.size(), 1u) << "and not back";
  auto none = later;
  none.prizes[0].valid.until.reset();
  EXPECT_EQ(try_apply(none).refused.size(), 1u);
}

// Its coupons could still be used and its rules were gone.
TEST_F(CampaignsTest, TheRulesOfOneThatWasTakenAwayAreStillKnown) {
  open();
  auto future = sure_win("future");
  future.schedule.from = year_month_day{year{2027}, month{1}, day{1}};
  apply({sure_win(), future});
  apply({});
  EXPECT_TRUE(ledger_->campaigns(kDeadline).value().empty());
  EXPECT_EQ(ledger_->campaign("lunch", kDeadline).value(), sure_win());
  EXPECT_FALSE(ledger_->campaign("future", kDeadline).value()) << "nobody can have won anything";
  EXPECT_FALSE(ledger_->campaign("nobody", kDeadline).value());
}

TEST_F(CampaignsTest, OneIdHasOneSource) {
  open();
  apply({sure_win()});
  EXPECT_EQ(try_apply(sure_win(), "mqtt:lunch").refused.size(), 1u);
  const auto twice = ledger_->apply_campaigns("file", {sure_win(), sure_win()}, kDeadline).value();
  EXPECT_EQ(twice.applied.size(), 1u);
  EXPECT_EQ(twice.refused.size(), 1u);
}

TEST_F(CampaignsTest, RedPacketsNobodyTookGoBackAndComeOutAgainWithALaterEnd) {
  auto quick = settings();
  quick.sweep_every = 0ms;
  open(quick);
  auto campaign = sure_win("packets");
  auto& prize = campaign.prizes[0];
  prize.kind = campaign::PrizeKind::red_packet;
  prize.benefit = {};
  prize.valid = {};
  prize.total = {1000, "CNY"};
  prize.count = 10;
  prize.at_least_minor = 50;
  campaign.schedule.until = year_month_day{year{2026}, month{11}, day{22}};
  apply({campaign});
  std::int64_t taken = 0;
  const auto take = [&](const std::string& nonce) { return draw(nonce, nonce).prize->amount->minor; };
  for (const auto* nonce : {"a", "b", "c"}) taken += take(nonce);
  set_time("2026-11-22T16:00:00.000Z");  // midnight in the shop
  ASSERT_TRUE(eventually([&] { return last(Stream::ledger, "campaign.applied").contains("returned"); }));
  const auto returned = last(Stream::ledger, "campaign.applied")["returned"][0];
  EXPECT_EQ(returned["prize"], "ten-off");
  EXPECT_EQ(returned["count"], 7);
  EXPECT_EQ(returned["amount"], format_amount({1000 - taken, "CNY"}));
  EXPECT_EQ(draw("late").reason, campaign::Reason::expired);
  campaign.schedule.until = year_month_day{year{2026}, month{11}, day{30}};
  apply({campaign});
  for (const auto* nonce : {"d", "e", "f", "g", "h", "i", "j"}) taken += take(nonce);
  EXPECT_EQ(taken, 1000) << "to the cent, over both splits";
  EXPECT_EQ(draw("k", "k").reason, campaign::Reason::out_of_stock);
}

TEST_F(CampaignsTest, EveryChangeIsAVersionThatIsKept) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0].stock = 5;
  apply({campaign});
  apply({campaign});
  EXPECT_EQ(ledger_->campaign_states(kDeadline)->at(0).version, 1u) << "nothing changed";
  draw("n1");
  campaign.prizes[0].stock = 6;
  apply({campaign});
  const auto states = ledger_->campaign_states(kDeadline).value();
  EXPECT_EQ(states.at(0).version, 2u);
  EXPECT_EQ(states.at(0).won, 1u);
  EXPECT_EQ(states.at(0).issued.at("ten-off"), 1u);
  EXPECT_EQ(last(Stream::health, "campaign.applied")["version"], 2);
}

TEST_F(CampaignsTest, PausingStopsTheVeryNextDraw) {
  open();
  apply({sure_win()});
  EXPECT_TRUE(draw("n1").coupon);
  ASSERT_TRUE(ledger_->pause_campaign("lunch", true, kDeadline));
  EXPECT_EQ(draw("n2").reason, campaign::Reason::paused);
  open();
  EXPECT_EQ(draw("n3").reason, campaign::Reason::paused) << "also after a restart";
  ASSERT_TRUE(ledger_->pause_campaign("lunch", false, kDeadline));
  EXPECT_TRUE(draw("n4").coupon);
}

}  // namespace
}  // namespace foyer::ledger
