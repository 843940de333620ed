#include "ledger/campaigns.hpp"

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

TEST_F(CampaignsTest, OneIdHasOneSource) {
  open();
  apply({sure_win()});
  EXPECT_EQ(try_apply(sure_win(), "mqtt:lunch").refused.size(), 1u);
  const auto twice = ledger_->apply_campaigns("file", {sure_win(), sure_win()}, kDeadline).value();
  EXPECT_EQ(twice.applied.size(), 1u);
  EXPECT_EQ(twice.refused.size(), 1u);
}

}  // namespace
}  // namespace foyer::ledger
