// A night in which very many coupons end at once.
#include "ledger/broom.hpp"
#include "till_world.hpp"

namespace foyer::ledger {
namespace {

class Expiry : public Till {
 protected:
  static constexpr int kCoupons = 5000;

  /// Coupons that end in a day, by the table alone: drawing each of them is another test.
  void issue_many() {
    open();
    apply({sure_win()});
    code_ = winning_code();
    ledger_.reset();
    Db db(path(), Db::Mode::read_write, "");
    db.execute(fmt::format(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {}) INSERT INTO coupon (id, code, "
        "campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, expires_ms, title, "
        "benefit, redeem_at) SELECT printf('%08x', i), 'code-' || i, campaign, prize, 's' || i, state, uses, "
        "uses_left, interval_s, last_used_ms, issued_ms, expires_ms + i, title, benefit, redeem_at FROM coupon, n",
        kCoupons - 1));
  }
  std::size_t expired(const std::vector<StoredEvent>& events) {
    return static_cast<std::size_t>(
        std::ranges::count(events, "coupon.expired", [](const auto& one) { return one.event.type; }));
  }
  std::string code_;
};

TEST_F(Expiry, ManyEndInPiecesWithoutWaitingAndCommandsComeBetween) {
  issue_many();
  std::atomic<std::int64_t> later{0};
  auto slow = settings();
  slow.sweep_every = std::chrono::hours(1);  // of which one is seen here: the pieces need no other
  slow.mono = [&later, usual = slow.mono] { return usual() + std::chrono::hours(later); };
  open(slow);
  std::atomic<std::size_t> largest{0};
  std::atomic<bool> begun{false};
  std::promise<void> asked;
  ledger_->on_stored([&, wait = asked.get_future().share()](const std::vector<StoredEvent>& events) {
    const auto now = expired(events);
    largest = std::max(largest.load(), now);
    if (now > 0 && !begun.exchange(true)) wait.wait();  // the first piece, until the draw is in the queue
  });
  const auto commits = ledger_->figures().commits;
  pass(std::chrono::hours(25));
  later = 2;
  ASSERT_TRUE(eventually([&] { return begun.load(); }));
  auto between = std::async(std::launch::async, [&] { return draw("between", "bob"); });
  ASSERT_TRUE(eventually([&] { return ledger_->figures().queued > 0; }));
  asked.set_value();
  EXPECT_EQ(between.get().result, campaign::DrawAnswer::Result::won);
  ASSERT_TRUE(eventually([&] { return count(Stream::ledger, "coupon.expired") == kCoupons; }));
  std::size_t before = 0;
  for (const auto& type : types(Stream::ledger)) {
    if (type == "shake.won" && before > 0) break;
    before += type == "coupon.expired";
  }
  EXPECT_LE(before, 2 * Broom::kRows) << "the draw waited for a piece, not for the night's work";
  EXPECT_EQ(largest, Broom::kRows) << "no transaction is long";
  EXPECT_GE(ledger_->figures().commits - commits, kCoupons / Broom::kRows);
  EXPECT_EQ(ledger_->coupon_by_code(code_, kDeadline).value()->state, CouponState::expired);
  expect_no_gaps(Stream::ledger);
}

TEST_F(Expiry, WhereTheirEventsWouldFillTheStorageTheyWaitAndTheTillSaysExpired) {
  issue_many();
  pass(std::chrono::hours(25));
  auto small = settings();
  small.sweep_every = 1ms;
  {
    Db db(path(), Db::Mode::read_only, "");  // 70 % in use before the first has ended
    small.max_bytes = static_cast<std::uint64_t>(db.number("PRAGMA page_count")) * 4096 * 10 / 7;
  }
  open(small);
  ASSERT_TRUE(eventually([&] { return count(Stream::ledger, "coupon.expired") > 0; }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(draw(fmt::format("n{}", i), "bob").result, campaign::DrawAnswer::Result::won);
  EXPECT_FALSE(ledger_->figures().full);
  EXPECT_LT(count(Stream::ledger, "coupon.expired"), static_cast<std::size_t>(kCoupons));
  const auto last = fmt::format("code-{}", kCoupons - 1);
  EXPECT_EQ(redeem(request(last)).refused, Reason::expired);
  EXPECT_EQ(ledger_->coupon_by_code(last, kDeadline).value()->state, CouponState::issued);
  // Once upstream has what was told, the rest goes its way.
  EXPECT_TRUE(eventually([&] {
    ledger_->forget(Stream::ledger, ledger_->streams(kDeadline).value().at(Stream::ledger).last_seq);
    return ledger_->coupon_by_code(last, kDeadline).value()->state == CouponState::expired;
  }));
}

}  // namespace
}  // namespace foyer::ledger
