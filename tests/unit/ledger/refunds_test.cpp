#include "till_world.hpp"

namespace foyer::ledger {
namespace {

class Refunds : public Till {
 protected:
  void begin(std::uint32_t uses = 1) {
    open();
    auto campaign = sure_win();
    campaign.prizes[0].uses = uses;
    apply({campaign});
    code_ = winning_code();
  }
  TillRequest bringing(const std::string& reservation, const std::string& key = "") {
    auto with = request(code_, key);
    with.reservation = reservation;
    return with;
  }
  campaign::TillAnswer give_back(const std::string& reason, const std::string& check_no = "") {
    auto with = request(code_);
    with.check_no = check_no;
    with.reason = reason;
    return ask(TillAction::void_, with);
  }
  std::string code_;
};

TEST_F(Refunds, AReservationKeepsOthersOutUntilItLapses) {
  begin();
  auto first = request(code_);
  first.ttl = 60s;
  const auto held = ask(TillAction::reserve, first);
  ASSERT_FALSE(held.refused);
  EXPECT_EQ(held.coupon->state, CouponState::reserved);
  EXPECT_EQ(held.coupon->reservation.size(), 32u);
  EXPECT_EQ(held.coupon->reserved_until, now() + 60s);
  EXPECT_EQ(last(Stream::ledger, "coupon.reserved")["state"], "reserved");
  EXPECT_EQ(redeem(request(code_)).refused, Reason::reserved_elsewhere);
  EXPECT_EQ(redeem(bringing("0123")).refused, Reason::reserved_elsewhere);
  EXPECT_EQ(ask(TillAction::reserve, request(code_)).refused, Reason::reserved_elsewhere);
  EXPECT_EQ(check(request(code_)).refused, Reason::reserved_elsewhere);
  EXPECT_FALSE(check(bringing(held.coupon->reservation)).refused);
  pass(60s);
  EXPECT_FALSE(check(request(code_)).refused) << "lapsed, whether or not a sweep has seen it";
  const auto other = redeem(request(code_));
  EXPECT_FALSE(other.refused);
  EXPECT_EQ(other.coupon->state, CouponState::redeemed);
  EXPECT_TRUE(other.coupon->reservation.empty());
}

TEST_F(Refunds, WhoHasTheReservationRedeemsAlsoWhatExpiredMeanwhile) {
  begin();
  pass(std::chrono::hours(24) - 10s);
  const auto held = ask(TillAction::reserve, request(code_));
  ASSERT_FALSE(held.refused);
  pass(60s);
  EXPECT_EQ(redeem(request(code_)).refused, Reason::reserved_elsewhere);
  const auto answer = redeem(bringing(held.coupon->reservation));
  EXPECT_FALSE(answer.refused);
  EXPECT_EQ(answer.coupon->state, CouponState::redeemed);
}

TEST_F(Refunds, TheReservationCanBeMadeLongerAndGivenUp) {
  begin();
  const auto held = ask(TillAction::reserve, request(code_));
  pass(100s);
  const auto longer = ask(TillAction::reserve, bringing(held.coupon->reservation));
  ASSERT_FALSE(longer.refused);
  EXPECT_EQ(longer.coupon->reservation, held.coupon->reservation);
  EXPECT_EQ(longer.coupon->reserved_until, now() + 120s);
  auto up = bringing(held.coupon->reservation);
  up.reason = "mistake";
  const auto given = ask(TillAction::void_, up);
  EXPECT_FALSE(given.refused);
  EXPECT_EQ(given.coupon->state, CouponState::issued);
  EXPECT_FALSE(redeem(request(code_)).refused);
}

TEST_F(Refunds, ASweepGivesUpWhatLapsedAndSaysSo) {
  begin();
  ASSERT_FALSE(ask(TillAction::reserve, request(code_)).refused);
  pass(121s);
  open();
  EXPECT_TRUE(eventually([&] { return count(Stream::ledger, "coupon.voided") == 1; }));
  EXPECT_EQ(last(Stream::ledger, "coupon.voided")["reason"], "reservation_lapsed");
  EXPECT_EQ(last(Stream::ledger, "coupon.voided")["state"], "issued");
  EXPECT_EQ(ledger_->coupon_by_code(code_, kDeadline).value()->state, CouponState::issued);
}

TEST_F(Refunds, AReservationOfAnotherClockIsNone) {
  begin();
  ASSERT_FALSE(ask(TillAction::reserve, request(code_)).refused);
  pass(-std::chrono::hours(5));
  EXPECT_FALSE(check(request(code_)).refused) << "no reservation ends five hours from now";
}

TEST_F(Refunds, RefundAndMistakeGiveTheUseBackDisputeDoesNot) {
  begin();
  for (const auto* reason : {"refund", "mistake"}) {
    ASSERT_FALSE(redeem(request(code_)).refused);
    const auto back = give_back(reason);
    ASSERT_FALSE(back.refused);
    EXPECT_EQ(back.coupon->state, CouponState::issued);
    EXPECT_EQ(back.coupon->uses_left, 1u);
    EXPECT_EQ(last(Stream::ledger, "coupon.voided")["reason"], reason);
  }
  ASSERT_FALSE(redeem(request(code_)).refused);
  const auto kept = give_back("dispute");
  ASSERT_FALSE(kept.refused);
  EXPECT_EQ(kept.coupon->state, CouponState::redeemed);
  EXPECT_EQ(kept.coupon->uses_left, 0u);
  EXPECT_EQ(give_back("refund").refused, Reason::voided) << "a use is taken back once";
  EXPECT_EQ(redeem(request(code_)).refused, Reason::already_redeemed);
}

TEST_F(Refunds, AfterItsEndAUseComesBackExpired) {
  begin();
  ASSERT_FALSE(redeem(request(code_)).refused);
  pass(std::chrono::hours(25));
  EXPECT_EQ(give_back("refund").coupon->state, CouponState::expired);
  EXPECT_EQ(redeem(request(code_)).refused, Reason::expired);
}

TEST_F(Refunds, TheCheckNumberSaysWhichUse) {
  begin(3);
  for (const auto* check_no : {"7", "8"}) {
    auto use = request(code_);
    use.check_no = check_no;
    ASSERT_FALSE(redeem(use).refused);
  }
  EXPECT_EQ(give_back("refund", "9").refused, Reason::not_found);
  EXPECT_EQ(give_back("refund", "7").coupon->uses_left, 2u);
  EXPECT_EQ(give_back("refund", "7").refused, Reason::voided);
  EXPECT_EQ(give_back("mistake").coupon->uses_left, 3u) << "the newest that stands";
  EXPECT_EQ(give_back("mistake").refused, Reason::voided);
}

TEST_F(Refunds, WhatWasNotUsedHereIsNotGivenBackHere) {
  begin();
  EXPECT_EQ(give_back("refund").refused, Reason::not_found) << "it was never used";
  ASSERT_FALSE(redeem(request(code_)).refused);
  auto elsewhere = request(code_);
  elsewhere.store = "store-002";
  elsewhere.check_no.clear();
  elsewhere.reason = "refund";
  EXPECT_EQ(ask(TillAction::void_, elsewhere).refused, Reason::wrong_store);
}

TEST_F(Refunds, AGivenBackUseDoesNotStartTheInterval) {
  open();
  auto campaign = sure_win();
  campaign.prizes[0].uses = 2;
  campaign.prizes[0].interval = 1h;
  apply({campaign});
  code_ = winning_code();
  ASSERT_FALSE(redeem(request(code_)).refused);
  EXPECT_EQ(redeem(request(code_)).refused, Reason::interval);
  ASSERT_FALSE(give_back("mistake").refused);
  EXPECT_FALSE(redeem(request(code_)).refused);
}

TEST_F(Refunds, TheKeyGivesTheAnswerOfEachAction) {
  begin();
  auto hold = request(code_, "k1");
  const auto held = ask(TillAction::reserve, hold);
  EXPECT_EQ(ask(TillAction::reserve, hold).coupon->reservation, held.coupon->reservation);
  const auto wrong = redeem(hold);
  EXPECT_EQ(wrong.refused, Reason::nonce_used) << "the key belongs to the reservation";
  EXPECT_TRUE(wrong.key_in_use);
  const auto used = redeem(bringing(held.coupon->reservation, "k2"));
  ASSERT_FALSE(used.refused);
  EXPECT_FALSE(redeem(bringing(held.coupon->reservation, "k2")).refused);
  EXPECT_EQ(count(Stream::ledger, "coupon.redeemed"), 1u);
}

}  // namespace
}  // namespace foyer::ledger
