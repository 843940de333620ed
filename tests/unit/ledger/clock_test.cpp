// Clocks that are wrong: 1970 at boot, ten years ahead, back by an hour. Order is the number, never the clock.
#include "ledger/writer.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

class ClockTest : public World {
 protected:
  Settings with_clock() {
    auto settings = this->settings();
    settings.mono = [this] { return MonoTime{std::chrono::milliseconds{mono_ms_.load()}}; };
    settings.synchronised = [this] { return synchronised_.load(); };
    settings.sweep_every = 20ms;
    return settings;
  }
  /// Time goes by on both clocks.
  void live(std::chrono::milliseconds time) {
    mono_ms_ += time.count();
    pass(time);
  }
  void store(Stream stream, const std::string& type) {
    const auto before = ledger_->streams(kDeadline).value()[stream].last_seq;
    ASSERT_TRUE(ledger_->record({{stream, type, "", "{}"}}));
    live(250ms);  // no event waits longer for company
    ASSERT_TRUE(eventually([&] {
      live(1ms);
      return ledger_->streams(kDeadline).value()[stream].last_seq > before;
    }));
  }
  /// A group is committed, and with it what the clock has to say.
  void turn() {
    const auto commits = ledger_->figures().commits;
    ASSERT_TRUE(eventually([&] {
      live(25ms);
      return ledger_->figures().commits >= commits + 2;
    }));
  }
  void expect_times_in_order(Stream stream) {
    WallTime before{};
    for (const auto& event : events(stream)) {
      EXPECT_GE(event.time, before) << event.seq;
      before = event.time;
    }
  }
  std::atomic<std::int64_t> mono_ms_{10'000};
  std::atomic<bool> synchronised_{false};
};

TEST_F(ClockTest, TimesOfABootInNineteenSeventyAreCorrectedOnceTheTimeIsKnown) {
  const auto right = now();
  now_ = 30'000;  // 1970
  open(with_clock());
  store(Stream::presence, "beacon.seen");
  live(1h);
  store(Stream::presence, "beacon.seen");
  EXPECT_LT(unix_ms(events(Stream::presence)[0].time), 60'000) << "nobody knows better yet";
  set_time("2026-11-22T03:00:00.000Z");
  synchronised_ = true;
  turn();
  store(Stream::presence, "beacon.seen");
  const auto rows = events(Stream::presence);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_NEAR(static_cast<double>(unix_ms(rows[0].time)), static_cast<double>(unix_ms(right)), 10'000);
  EXPECT_NEAR(static_cast<double>(unix_ms(rows[1].time) - unix_ms(rows[0].time)), 3'600'000.0, 2'000);
  expect_times_in_order(Stream::presence);
  expect_no_gaps(Stream::presence);
}

TEST_F(ClockTest, ARestartInTheSameBootCorrectsWhatTheRunBeforeStored) {
  now_ = 30'000;
  open(with_clock());
  store(Stream::ledger, "sale.recorded");
  set_time("2026-11-22T03:00:00.000Z");
  synchronised_ = true;
  open(with_clock());
  turn();
  EXPECT_GT(events(Stream::ledger)[0].time, parse_rfc3339("2026-11-22T02:59:00.000Z").value());
}

TEST_F(ClockTest, ATimeThatWasRightStaysAsItWas) {
  synchronised_ = true;
  open(with_clock());
  store(Stream::ledger, "sale.recorded");
  const auto before = events(Stream::ledger)[0].time;
  pass(1500ms);  // slewed
  turn();
  EXPECT_EQ(events(Stream::ledger)[0].time, before);
}

TEST_F(ClockTest, ALeapOfTenYearsEndsNothingUntilItIsConfirmed) {
  synchronised_ = true;
  open(with_clock());
  apply({sure_win()});
  const auto code = winning_code();
  synchronised_ = false;
  pass(std::chrono::hours{24 * 3650});
  turn();
  turn();
  EXPECT_EQ(count(Stream::ledger, "coupon.expired"), 0u);
  pass(-std::chrono::hours{24 * 3650});
  synchronised_ = true;
  turn();
  campaign::TillRequest till;
  till.action = campaign::TillAction::redeem;
  till.code = code;
  EXPECT_FALSE(ledger_->till(till, kDeadline).value().refused) << "nothing was ended by the step";
}

TEST_F(ClockTest, AClockThatRanAheadIsForgottenWhenTheTimeIsKnownAgain) {
  open(with_clock());
  pass(std::chrono::hours{24 * 3650});
  store(Stream::ledger, "sale.recorded");
  pass(-std::chrono::hours{24 * 3650});
  auto scheduled = sure_win();
  scheduled.schedule.hours = {{0, 1439}};
  apply({scheduled});
  EXPECT_EQ(draw("n1").reason, campaign::Reason::clock_untrusted) << "ten years before the newest event";
  synchronised_ = true;
  turn();
  EXPECT_EQ(draw("n2").result, campaign::DrawAnswer::Result::won);
}

TEST_F(ClockTest, WhatIsTrulyOverEndsWhenTheTimeIsKnown) {
  synchronised_ = true;
  open(with_clock());
  apply({sure_win()});
  winning_code();
  live(std::chrono::hours{26});
  turn();
  EXPECT_TRUE(eventually([&] {
    live(25ms);
    return count(Stream::ledger, "coupon.expired") == 1;
  }));
}

TEST_F(ClockTest, WithoutAVouchedTimeALongNightEndsThingsADayLater) {
  open(with_clock());
  apply({sure_win()});
  winning_code();
  live(std::chrono::hours{26});
  turn();
  turn();
  EXPECT_EQ(count(Stream::ledger, "coupon.expired"), 0u) << "it may have leapt";
  live(Writer::kHeldAfterLeap);
  EXPECT_TRUE(eventually([&] {
    live(25ms);
    return count(Stream::ledger, "coupon.expired") == 1;
  }));
}

TEST_F(ClockTest, LateRowsGoFromTheOldestAndAreToldAsOneGap) {
  synchronised_ = true;
  open(with_clock());
  for (int i = 0; i < 5; ++i) store(Stream::presence, "beacon.seen");
  store(Stream::presence, "presence.entered");
  store(Stream::presence, "beacon.seen");
  store(Stream::ledger, "sale.recorded");
  live(std::chrono::hours{25});
  ASSERT_TRUE(eventually([&] {
    live(25ms);
    return count(Stream::health, "outbox.gap") == 1;
  }));
  const auto gap = last(Stream::health, "outbox.gap");
  EXPECT_EQ(gap, (nlohmann::json{{"stream", "presence"}, {"first", 1}, {"last", 5}, {"count", 5}, {"reason", "late"}}));
  EXPECT_EQ(events(Stream::presence).front().seq, 6u) << "a visit is worth telling for a week";
  EXPECT_EQ(events(Stream::ledger).size(), 1u) << "money is never late";
  EXPECT_EQ(ledger_->figures().dropped, (std::array<std::uint64_t, 3>{0, 5, 0}));
}

/// A box that was off for ten days starts at the time it had saved; somebody vouches for the right one later.
class LateStart : public ClockTest {
 protected:
  static constexpr auto kOff = std::chrono::hours{24 * 10};

  campaign::TillAnswer redeem_once() {
    campaign::TillRequest till;
    till.action = campaign::TillAction::redeem;
    till.code = code_;
    till.idempotency_key = "key-1";
    return ledger_->till(till, kDeadline).value();
  }
  static campaign::Campaign two_uses() {
    auto campaign = sure_win();
    campaign.prizes[0].uses = 2;
    return campaign;
  }
  void open_in(const std::string& boot) {
    auto settings = with_clock();
    settings.boot_id = boot;
    open(settings);
  }
  void start_late() {
    open_in("late");
    apply({two_uses()});
    code_ = winning_code("n1");
    first_ = redeem_once();
    ASSERT_FALSE(first_.refused);
    ASSERT_EQ(first_.coupon->uses_left, 1u);
    issued_ = now();
  }
  void the_time_is_known() {
    pass(kOff);
    synchronised_ = true;
    turn();
    turn();
  }
  void expect_nothing_forgotten() {
    const auto again = redeem_once();
    EXPECT_FALSE(again.refused);
    EXPECT_EQ(again.coupon->uses_left, 1u) << "asked again, not used again";
    EXPECT_EQ(draw("n1").coupon->code, code_) << "the same nonce, the same answer";
    const auto coupon = ledger_->coupon_by_code(code_, kDeadline).value().value();
    EXPECT_EQ(coupon.uses_left, 1u);
    EXPECT_EQ(coupon.state, campaign::CouponState::issued);
    EXPECT_NEAR(static_cast<double>(unix_ms(coupon.expires_at)),
                static_cast<double>(unix_ms(issued_ + kOff + std::chrono::hours{24})), 5'000.0);
  }
  std::string code_;
  campaign::TillAnswer first_;
  WallTime issued_{};
};

TEST_F(LateStart, KeysNoncesAndCouponsOfBeforeTheTimeWasKnownAreKeptAsLongAsOthers) {
  start_late();
  the_time_is_known();
  expect_nothing_forgotten();
  live(std::chrono::hours{24 * 8});
  turn();
  turn();
  EXPECT_EQ(redeem_once().refused, campaign::Reason::expired) << "the key is forgotten in its time, the coupon over";
}

TEST_F(LateStart, AlsoWhenTheProgramWasStartedAnewMeanwhile) {
  start_late();
  live(1h);
  open_in("late");
  the_time_is_known();
  expect_nothing_forgotten();
  open_in("late");
  turn();
  expect_nothing_forgotten();
}

TEST_F(LateStart, ADateTheCampaignNamesStaysWhereItIs) {
  open_in("late");
  auto dated = sure_win();
  dated.prizes[0].valid.for_.reset();
  using namespace std::chrono;
  dated.prizes[0].valid.until = year_month_day{year{2026}, month{12}, day{24}};
  apply({dated});
  code_ = winning_code("n1");
  const auto expires = ledger_->coupon_by_code(code_, kDeadline).value()->expires_at;
  the_time_is_known();
  EXPECT_EQ(ledger_->coupon_by_code(code_, kDeadline).value()->expires_at, expires);
}

TEST_F(LateStart, WhatAnotherBootIssuedAtThatTimeKeepsItsEnd) {
  synchronised_ = true;
  open_in("before");
  apply({two_uses()});
  const auto code = winning_code("n0");
  const auto expires = ledger_->coupon_by_code(code, kDeadline).value()->expires_at;
  synchronised_ = false;
  pass(-2min);  // saved two minutes before the power went
  start_late();
  live(10min);
  turn();
  the_time_is_known();
  expect_nothing_forgotten();
  EXPECT_EQ(ledger_->coupon_by_code(code, kDeadline).value()->expires_at, expires);
}

class OrderTest : public World {};

TEST_F(OrderTest, AnAnswerIsRememberedAcrossARestartAndForgottenInTime) {
  open();
  EXPECT_FALSE(ledger_->order_answer("k1", kDeadline).value());
  ASSERT_TRUE(ledger_->remember_order("k1", R"({"ok":true})", kDeadline));
  ASSERT_TRUE(ledger_->remember_order("k1", R"({"ok":false})", kDeadline));
  open();
  EXPECT_EQ(ledger_->order_answer("k1", kDeadline).value(), R"({"ok":true})") << "the first counts";
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(ledger_->remember_order("x" + std::to_string(i), "{}", kDeadline));
  EXPECT_FALSE(ledger_->order_answer("k1", kDeadline).value()) << "the oldest goes";
}

}  // namespace
}  // namespace foyer::ledger
