#include "till_world.hpp"

namespace foyer::ledger {
namespace {

TEST_F(Till, RedeemsOnceWithEverythingInTheEvent) {
  open();
  apply({sure_win()});
  const auto code = winning_code();
  const auto checked = check(request(code));
  EXPECT_FALSE(checked.refused);
  EXPECT_EQ(checked.coupon->state, CouponState::issued);
  const auto answer = redeem(request(code));
  EXPECT_FALSE(answer.refused);
  EXPECT_EQ(answer.coupon->state, CouponState::redeemed);
  EXPECT_EQ(answer.coupon->uses_left, 0u);
  const auto event = last(Stream::ledger, "coupon.redeemed");
  EXPECT_EQ(event["coupon"], answer.coupon->id);
  EXPECT_EQ(event["state"], "redeemed");
  EXPECT_EQ(event["value"], "10.00");
  EXPECT_EQ(event["terminal"], "t1");
  EXPECT_EQ(event["operator"], "mei");
  EXPECT_EQ(event["check_no"], "42");
  EXPECT_EQ(redeem(request(code)).refused, Reason::already_redeemed);
  EXPECT_EQ(check(request(code)).refused, Reason::already_redeemed);
  EXPECT_EQ(count(Stream::ledger, "coupon.redeemed"), 1u);
}

TEST_F(Till, EveryRefusalHasItsReason) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0].benefit.min_spend = Money{5000, "CNY"};
  apply({campaign});
  const auto code = winning_code();
  EXPECT_EQ(redeem(request("0000000000*")).refused, Reason::not_found);
  auto elsewhere = request(code);
  elsewhere.store = "store-002";
  EXPECT_EQ(redeem(elsewhere).refused, Reason::wrong_store);
  EXPECT_EQ(redeem(request(code)).refused, Reason::min_spend) << "an amount is needed to prove it";
  auto paid = request(code);
  paid.amount = Money{4999, "CNY"};
  EXPECT_EQ(redeem(paid).refused, Reason::min_spend);
  paid.amount = Money{5000, "USD"};
  EXPECT_EQ(redeem(paid).refused, Reason::min_spend);
  paid.amount = Money{5000, "CNY"};
  pass(std::chrono::hours(24));
  EXPECT_EQ(redeem(paid).refused, Reason::expired);
  const auto second = winning_code("n2");
  EXPECT_FALSE(ledger_->void_coupon(second, "mistake", {}, kDeadline).value().refused);
  EXPECT_EQ(redeem(request(second)).refused, Reason::voided);
  EXPECT_EQ(ledger_->void_coupon(second, "mistake", {}, kDeadline).value().refused, Reason::voided);
  EXPECT_EQ(last(Stream::ledger, "coupon.voided")["reason"], "mistake");
}

TEST_F(Till, AVoidedCouponAndTheAnswerToItsOrderAreOneTransaction) {
  open();
  apply({sure_win()});
  const auto code = winning_code();
  const campaign::Order order{"k1", "done"};
  EXPECT_FALSE(ledger_->void_coupon(code, "fraud", order, kDeadline).value().refused);
  EXPECT_EQ(ledger_->order_answer("k1", kDeadline).value(), "done");
  EXPECT_TRUE(ledger_->void_coupon(code, "fraud", {"k2", "done"}, kDeadline).value().refused);
  EXPECT_EQ(ledger_->order_answer("k2", kDeadline).value(), std::nullopt) << "nothing was done for it";
}

TEST_F(Till, SeveralUsesWithAnInterval) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0].benefit = {campaign::BenefitKind::stamp, {}, 0, {}, {{"en", "Tea"}}};
  campaign.prizes[0].uses = 2;
  campaign.prizes[0].interval = 1h;
  apply({campaign});
  const auto code = winning_code();
  auto answer = redeem(request(code));
  EXPECT_EQ(answer.coupon->state, CouponState::issued);
  EXPECT_EQ(answer.coupon->uses_left, 1u);
  EXPECT_EQ(redeem(request(code)).refused, Reason::interval);
  pass(1h);
  answer = redeem(request(code));
  EXPECT_EQ(answer.coupon->state, CouponState::redeemed);
  EXPECT_EQ(redeem(request(code)).refused, Reason::already_redeemed);
}

TEST_F(Till, TwoHundredTillsOneCodeOneSuccess) {
  open();
  apply({sure_win()});
  const auto code = winning_code();
  std::atomic<int> ok{0}, already{0};
  in_parallel(200, [&](int i) {
    const auto answer = redeem(request(code, "key-" + std::to_string(i)));
    if (!answer.refused) ++ok;
    if (answer.refused == Reason::already_redeemed) ++already;
  });
  EXPECT_EQ(ok, 1);
  EXPECT_EQ(already, 199);
  EXPECT_EQ(count(Stream::ledger, "coupon.redeemed"), 1u);
}

TEST_F(Till, SameKeySameAnswerFromFiftyThreadsAndAfterRestart) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0].uses = 5;
  apply({campaign});
  const auto code = winning_code();
  std::atomic<int> equal{0};
  in_parallel(50, [&](int) {
    const auto answer = redeem(request(code, "one"));
    if (!answer.refused && answer.coupon->uses_left == 4) ++equal;
  });
  EXPECT_EQ(equal, 50);
  open();
  EXPECT_EQ(redeem(request(code, "one")).coupon->uses_left, 4u);
  EXPECT_EQ(count(Stream::ledger, "coupon.redeemed"), 1u);
  auto other = request(code, "one");
  other.check_no = "43";
  EXPECT_EQ(redeem(other).refused, Reason::nonce_used) << "the key belongs to another request";
}

TEST_F(Till, KeysAreForgottenAfterSevenDaysAndCouponsExpireBySweep) {
  open();
  apply({sure_win()});
  const auto code = winning_code();
  EXPECT_EQ(redeem(request("0000000000*", "old")).refused, Reason::not_found);
  pass(std::chrono::hours(6 * 24));
  open();
  EXPECT_TRUE(eventually([&] { return count(Stream::ledger, "coupon.expired") == 1; }));
  EXPECT_EQ(last(Stream::ledger, "coupon.expired")["state"], "expired");
  EXPECT_EQ(redeem(request(code)).refused, Reason::expired);
  EXPECT_EQ(redeem(request(code, "old")).refused, Reason::nonce_used) << "remembered for seven days";
  pass(std::chrono::hours(2 * 24));
  open();
  EXPECT_EQ(redeem(request(code, "old")).refused, Reason::expired);
}

TEST_F(Till, CouponsAreFoundByIdCodeAndSubject) {
  open();
  apply({sure_win()});
  const auto answer = draw("n1");
  draw("n2");
  EXPECT_EQ(ledger_->coupon(answer.coupon->id, kDeadline).value()->code, answer.coupon->code);
  EXPECT_EQ(ledger_->coupon_by_code(answer.coupon->code, kDeadline).value()->benefit, answer.coupon->benefit);
  EXPECT_FALSE(ledger_->coupon("nobody", kDeadline).value());
  EXPECT_EQ(ledger_->coupons_of("alice", kDeadline).value().size(), 2u);
  EXPECT_TRUE(ledger_->coupons_of("bob", kDeadline).value().empty());
}

}  // namespace
}  // namespace foyer::ledger
