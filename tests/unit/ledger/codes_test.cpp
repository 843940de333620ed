#include <mutex>
#include <set>

#include "till_world.hpp"

namespace foyer::ledger {
namespace {

class Codes : public Till {
 protected:
  void begin() {
    open();
    auto campaign = sure_win();
    campaign.prizes[0].imported_codes = true;
    apply({campaign});
  }
  Ledger::Imported bring(std::vector<std::string> codes, bool dry = false, const std::string& prize = "ten-off") {
    return ledger_->import_codes("lunch", prize, std::move(codes), dry, kDeadline).value();
  }
};

TEST_F(Codes, CouponsTakeTheListInOrderAndThenThePrizeIsGone) {
  begin();
  EXPECT_EQ(bring({"SPRING-0001", "spring-0002"}).added, 2u);
  EXPECT_EQ(draw("n1").coupon->code, "SPRING-0001");
  EXPECT_EQ(draw("n2").coupon->code, "spring-0002");
  const auto none = draw("n3");
  EXPECT_EQ(none.result, campaign::DrawAnswer::Result::denied);
  EXPECT_EQ(none.reason, Reason::out_of_stock) << "the list is the stock of such a prize";
  EXPECT_EQ(last(Stream::ledger, "shake.denied")["reason"], "out_of_stock");
  EXPECT_FALSE(none.coupon);
  auto with = request("");
  with.typed = "spring-0002";
  const auto used = redeem(with);
  ASSERT_FALSE(used.refused);
  EXPECT_EQ(used.coupon->code, "spring-0002");
  with.typed = "SPRING-0002";
  EXPECT_EQ(redeem(with).refused, Reason::not_found) << "capitals count in somebody else's list";
}

TEST_F(Codes, AnEmptyListFallsToNothingAndTheOtherPrizesKeepTheirOdds) {
  open();
  auto campaign = sure_win();
  auto own = campaign.prizes[0];
  own.id = "own";
  campaign.prizes[0].imported_codes = true;
  campaign.prizes.push_back(own);
  apply({campaign});
  int won = 0, lost = 0;
  for (int i = 0; i < 200; ++i) {
    const auto answer = draw("n" + std::to_string(i), "s" + std::to_string(i));
    EXPECT_NE(answer.result, campaign::DrawAnswer::Result::denied);
    ++(answer.coupon ? won : lost);
    EXPECT_EQ(answer.prize ? answer.prize->id : "own", "own");
  }
  EXPECT_NEAR(won, 100, 40);
  EXPECT_NEAR(lost, 100, 40);
}

TEST_F(Codes, TheEndOfTheListIsToldAndAgainAfterANewOne) {
  begin();
  std::vector<std::string> codes;
  for (int i = 0; i < 12; ++i) codes.push_back("CODE-" + std::to_string(i));
  bring(codes);
  for (int i = 0; i < 2; ++i) draw("n" + std::to_string(i));
  EXPECT_EQ(last(Stream::ledger, "stock.low")["left"], 10);
  for (int i = 2; i < 12; ++i) draw("n" + std::to_string(i));
  EXPECT_EQ(count(Stream::ledger, "stock.low"), 1u);
  EXPECT_EQ(count(Stream::ledger, "stock.exhausted"), 1u);
  bring({"MORE-1"});
  EXPECT_EQ(draw("more").coupon->code, "MORE-1");
  EXPECT_EQ(count(Stream::ledger, "stock.exhausted"), 2u);
}

TEST_F(Codes, WhatIsWrongIsNamedByItsPlaceAndNothingIsStored) {
  begin();
  ASSERT_EQ(bring({"KNOWN-1", "TAKEN-1"}).added, 2u);
  draw("n1");  // KNOWN-1
  const auto faults = bring({"NEW-1", std::string(41, 'x'), "a b", "abc", "KNOWN-1", "TAKEN-1"}).faults;
  ASSERT_EQ(faults.size(), 4u);
  EXPECT_EQ(faults[0].first, 1u);
  EXPECT_NE(faults[0].second.find("41 characters"), std::string::npos);
  EXPECT_EQ(faults[1].first, 2u);
  EXPECT_EQ(faults[2].first, 3u);
  EXPECT_EQ(faults[3].first, 4u);
  EXPECT_NE(faults[3].second.find("of a coupon already"), std::string::npos);
  EXPECT_EQ(bring({"NEW-1"}, true).waiting, 1u) << "nothing of a faulty list is kept, nothing of a dry run";
  const auto again = bring({"NEW-1", "TAKEN-1"});
  EXPECT_EQ(again.added, 1u);
  EXPECT_EQ(again.known, 1u) << "the same list again is no fault";
  EXPECT_EQ(again.waiting, 2u);
}

TEST_F(Codes, OnlyAPrizeThatAsksForAListGetsOne) {
  begin();
  EXPECT_NE(bring({"AAAA"}, false, "other").refused, "");
  auto made = sure_win("dinner");
  apply({made}, "mqtt:dinner");
  EXPECT_NE(ledger_->import_codes("dinner", "ten-off", {"AAAA"}, false, kDeadline).value().refused, "");
}

TEST_F(Codes, EveryCodeGoesOnceAlsoToManyAtOnce) {
  begin();
  std::vector<std::string> codes;
  for (int i = 0; i < 40; ++i) codes.push_back("CODE-" + std::to_string(i));
  ASSERT_EQ(bring(codes).added, 40u);
  std::mutex mutex;
  std::set<std::string> seen;
  std::atomic<int> won{0};
  in_parallel(60, [&](int i) {
    const auto answer = draw("n" + std::to_string(i), "s" + std::to_string(i));
    if (!answer.coupon) return;
    ++won;
    const std::lock_guard lock(mutex);
    seen.insert(answer.coupon->code);
  });
  EXPECT_EQ(won, 40);
  EXPECT_EQ(seen.size(), 40u);
}

// "waits for lunch/ten-off already", for ever.
TEST_F(Codes, OfACampaignThatIsOverOrTakenAwayMayGoToAnother) {
  open();
  auto first = sure_win(), next = sure_win("next");
  first.prizes[0].imported_codes = next.prizes[0].imported_codes = true;
  first.schedule.until =
      std::chrono::year_month_day{std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{30}};
  apply({first, next});
  const auto to_next = [&](std::vector<std::string> codes) {
    return ledger_->import_codes("next", "ten-off", std::move(codes), false, kDeadline).value();
  };
  ASSERT_EQ(bring({"CODE-1", "CODE-2", "CODE-3"}).added, 3u);
  EXPECT_EQ(to_next({"CODE-1"}).faults.size(), 1u) << "it is still to be won";
  set_time("2026-12-05T02:00:00.000Z");
  const auto moved = to_next({"CODE-1", "CODE-1"});
  EXPECT_TRUE(moved.faults.empty());
  EXPECT_EQ(moved.added, 1u);
  EXPECT_EQ(bring({}, true).waiting, 2u) << "a later end still has the others";
  apply({next});
  EXPECT_EQ(to_next({"CODE-2", "CODE-3"}).added, 2u);
  EXPECT_EQ(to_next({}).waiting, 3u);
  apply({first, next});
  EXPECT_EQ(bring({}, true).waiting, 0u) << "what was taken away has no codes when it comes back";
}

}  // namespace
}  // namespace foyer::ledger
