#include <set>

#include "campaign/red_packet.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

using campaign::DrawAnswer;
using campaign::Reason;

class Draws : public World {};

TEST_F(Draws, WinStoresCouponCountsAndEventsTogether) {
  open();
  apply({sure_win()});
  const auto answer = draw("n1");
  ASSERT_EQ(answer.result, DrawAnswer::Result::won);
  ASSERT_TRUE(answer.coupon);
  EXPECT_EQ(answer.prize->id, "ten-off");
  EXPECT_EQ(answer.coupon->id.size(), 32u);
  EXPECT_EQ(answer.coupon->redeem_at, std::vector<std::string>{"store-001"});
  EXPECT_EQ(answer.coupon->expires_at, now() + std::chrono::hours(24));
  EXPECT_EQ(types(Stream::ledger), (std::vector<std::string>{"shake.won", "coupon.issued"}));
  const auto won = last(Stream::ledger, "shake.won");
  EXPECT_EQ(won["campaign"], "lunch");
  EXPECT_EQ(won["prize"], "ten-off");
  EXPECT_EQ(won["mode"], "shake");
  EXPECT_EQ(won["nonce_hash"], "n1");
  EXPECT_EQ(won["presence"], 3);
  EXPECT_EQ(won["zone"], "entrance");
  const auto issued = last(Stream::ledger, "coupon.issued");
  EXPECT_EQ(issued["coupon"], answer.coupon->id);
  EXPECT_EQ(issued["state"], "issued");
  EXPECT_EQ(issued["value"], "10.00");
  EXPECT_EQ(issued["store"], "store-001");
  for (const auto& event : events(Stream::ledger))
    EXPECT_EQ(event.event.data.find(answer.coupon->code), std::string::npos) << "the code is its holder's secret";
}

TEST_F(Draws, APrizeThatIsNothingIsToldAsLost) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0] = {};
  campaign.prizes[0].id = "none";
  campaign.prizes[0].kind = campaign::PrizeKind::nothing;
  apply({campaign});
  const auto answer = draw("n1");
  EXPECT_EQ(answer.result, DrawAnswer::Result::lost);
  EXPECT_FALSE(answer.coupon);
  EXPECT_EQ(types(Stream::ledger), (std::vector<std::string>{"shake.lost"}));
  EXPECT_EQ(last(Stream::ledger, "shake.lost")["campaign"], "lunch");
  EXPECT_EQ(draw("n1").result, DrawAnswer::Result::lost);
}

TEST_F(Draws, SameNonceSameAnswerAlsoAfterRestartAndRedemption) {
  open();
  apply({sure_win()});
  const auto first = draw("n1");
  campaign::TillRequest till;
  till.action = campaign::TillAction::redeem;
  till.code = first.coupon->code;
  ASSERT_FALSE(ledger_->till(till, kDeadline).value().refused);
  for (int boot = 0; boot < 2; ++boot) {
    const auto again = draw("n1");
    EXPECT_EQ(again.result, first.result);
    EXPECT_EQ(again.coupon->id, first.coupon->id);
    EXPECT_EQ(again.coupon->code, first.coupon->code);
    EXPECT_EQ(again.coupon->state, first.coupon->state);
    EXPECT_EQ(again.coupon->uses_left, first.coupon->uses_left);
    EXPECT_EQ(again.prize->benefit, first.prize->benefit);
    open();
  }
  EXPECT_EQ(count(Stream::ledger, "shake.won"), 1u);
  EXPECT_EQ(draw("n1", "mallory").reason, Reason::wrong_holder);
}

TEST_F(Draws, ALateNonceGetsWhatWasRecordedAndNothingNew) {
  open();
  apply({sure_win()});
  const auto first = draw("n1");
  auto late = shake("n1");
  late.replay_only = Reason::nonce_expired;
  EXPECT_EQ(ledger_->draw(late, kDeadline).value().coupon->id, first.coupon->id);
  late.nonce_hash = "n2";
  EXPECT_EQ(ledger_->draw(late, kDeadline).value().reason, Reason::nonce_expired);
  EXPECT_EQ(count(Stream::ledger, "shake.won"), 1u);
  EXPECT_EQ(count(Stream::ledger, "shake.denied"), 0u);
}

TEST_F(Draws, DeniedSaysTheHighestPrioritysReasonAndIsRemembered) {
  open();
  auto high = sure_win("high");
  high.priority = 5;
  high.where.presence = 5;
  auto low = sure_win("low");
  low.paused = true;
  apply({low, high});
  const auto answer = draw("n1");
  EXPECT_EQ(answer.result, DrawAnswer::Result::denied);
  EXPECT_EQ(answer.campaign, "high");
  EXPECT_EQ(answer.reason, Reason::presence_too_low);
  EXPECT_EQ(last(Stream::ledger, "shake.denied")["reason"], "presence_too_low");
  apply({sure_win("other")}, "mqtt:other");
  EXPECT_EQ(draw("n1").result, DrawAnswer::Result::denied);
  EXPECT_EQ(draw("n2").result, DrawAnswer::Result::won) << "the next eligible campaign decides";
}

TEST_F(Draws, NoCampaignAtAll) {
  open();
  const auto answer = draw("n1");
  EXPECT_EQ(answer.result, DrawAnswer::Result::denied);
  EXPECT_EQ(answer.campaign, "");
  EXPECT_EQ(answer.reason, Reason::not_found);
}

TEST_F(Draws, CapsCountWinsByLocalDayAndIntervalCountsDraws) {
  open();
  auto campaign = sure_win();
  campaign.limits.subject_day = 1;
  campaign.limits.subject_total = 2;
  campaign.limits.interval = 10s;
  apply({campaign});
  EXPECT_EQ(draw("n1").result, DrawAnswer::Result::won);
  EXPECT_EQ(draw("n2").reason, Reason::interval);
  pass(11s);
  EXPECT_EQ(draw("n3").reason, Reason::subject_cap);
  set_time("2026-11-22T15:59:00.000Z");  // 23:59 in the shop
  EXPECT_EQ(draw("n4").reason, Reason::subject_cap);
  set_time("2026-11-22T16:00:30.000Z");  // the next day there, not yet in UTC
  EXPECT_EQ(draw("n5").result, DrawAnswer::Result::won);
  set_time("2026-11-24T02:00:00.000Z");
  EXPECT_EQ(draw("n6").reason, Reason::subject_cap) << "total";
  EXPECT_EQ(draw("n7", "bob").result, DrawAnswer::Result::won);
}

TEST_F(Draws, StockRunsOutAndIsToldOnce) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0].stock = 12;
  apply({campaign});
  for (int i = 0; i < 12; ++i) EXPECT_EQ(draw("n" + std::to_string(i)).result, DrawAnswer::Result::won);
  EXPECT_EQ(draw("late").reason, Reason::out_of_stock);
  EXPECT_EQ(count(Stream::ledger, "stock.low"), 1u);
  EXPECT_EQ(last(Stream::ledger, "stock.low")["left"], 10);
  EXPECT_EQ(count(Stream::ledger, "stock.exhausted"), 1u);
  campaign.prizes[0].stock = 13;
  apply({campaign});
  EXPECT_EQ(draw("again").result, DrawAnswer::Result::won);
  EXPECT_EQ(count(Stream::ledger, "stock.exhausted"), 2u);
}

TEST_F(Draws, PacketsAreTakenOnceEachAndTheSumIsExact) {
  open();
  auto campaign = sure_win();
  auto& prize = campaign.prizes[0];
  prize.kind = campaign::PrizeKind::red_packet;
  prize.benefit = {};
  prize.valid = {};
  prize.total = {10'000, "CNY"};
  prize.count = 20;
  prize.at_least_minor = 50;
  apply({campaign});
  std::atomic<std::int64_t> sum{0};
  std::atomic<int> won{0};
  in_parallel(32, [&](int i) {
    const auto answer = ledger_->draw(shake("n" + std::to_string(i), "s" + std::to_string(i)), kDeadline).value();
    if (answer.result != DrawAnswer::Result::won) return;
    EXPECT_FALSE(answer.coupon);
    EXPECT_GE(answer.prize->amount->minor, 50);
    sum += answer.prize->amount->minor;
    ++won;
  });
  EXPECT_EQ(won, 20);
  EXPECT_EQ(sum, 10'000);
  EXPECT_EQ(count(Stream::ledger, "packet.claimed"), 20u);
  EXPECT_EQ(last(Stream::ledger, "packet.claimed")["currency"], "CNY");
}

TEST_F(Draws, ManyAtOnceShareCommits) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0].stock = 100;
  apply({campaign});
  const auto before = ledger_->figures().commits;
  constexpr int kThreads = 64, kEach = 20;
  std::atomic<int> won{0};
  in_parallel(kThreads, [&](int t) {
    for (int i = 0; i < kEach; ++i)
      if (ledger_->draw(shake(fmt::format("{}-{}", t, i), fmt::format("s{}", t)), kDeadline).value().result ==
          DrawAnswer::Result::won)
        ++won;
  });
  const auto commits = ledger_->figures().commits - before;
  EXPECT_EQ(won, 100);
  EXPECT_LT(commits * 4, static_cast<std::uint64_t>(kThreads * kEach));
  RecordProperty("draws_per_commit", static_cast<int>(kThreads * kEach / static_cast<int>(commits)));
  expect_no_gaps(Stream::ledger);
  EXPECT_EQ(count(Stream::ledger, "shake.won"), 100u);
  EXPECT_EQ(count(Stream::ledger, "shake.denied"), static_cast<std::size_t>(kThreads * kEach - 100));
}

TEST_F(Draws, UntrustedClockDeniesOnlyCampaignsWithASchedule) {
  open();
  auto dated = sure_win("dated");
  dated.priority = 1;
  dated.schedule.from =
      std::chrono::year_month_day{std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{1}};
  apply({dated});
  EXPECT_EQ(draw("n1").result, DrawAnswer::Result::won);
  set_time("1970-01-01T00:00:10.000Z");
  EXPECT_EQ(draw("n2").reason, Reason::clock_untrusted);
  apply({sure_win("always")}, "mqtt:always");
  EXPECT_EQ(draw("n3").campaign, "always");
  set_time("2026-11-22T01:54:00.000Z");  // 6 min before the newest event
  open();
  apply({}, "mqtt:always");
  EXPECT_EQ(draw("n4").reason, Reason::clock_untrusted) << "also known after a restart";
  set_time("2026-11-22T01:56:00.000Z");
  EXPECT_EQ(draw("n5").result, DrawAnswer::Result::won);
}

TEST(RedPackets, SplitIsExactAndKeepsTheFloor) {
  for (const auto& [total, count, floor] :
       {std::tuple{1000L, 10u, 50L}, {500L, 10u, 50L}, {7L, 7u, 1L}, {1L, 1u, 1L}}) {
    const auto packets = campaign::split_red_packets(total, count, floor, kernel_random);
    ASSERT_EQ(packets.size(), count);
    std::int64_t sum = 0;
    for (const auto packet : packets) {
      EXPECT_GE(packet, floor);
      sum += packet;
    }
    EXPECT_EQ(sum, total);
  }
  EXPECT_TRUE(campaign::split_red_packets(499, 10, 50, kernel_random).empty());
  std::set<std::vector<std::int64_t>> different;
  for (int i = 0; i < 8; ++i) different.insert(campaign::split_red_packets(100'000, 10, 1, kernel_random));
  EXPECT_GT(different.size(), 1u);
}

}  // namespace
}  // namespace foyer::ledger
