#include "campaign/coupon_seal.hpp"
#include "till_world.hpp"

namespace foyer::ledger {
namespace {

/// A till of store-002 that is shown what store-001 gave.
class SealAtTill : public Till {
 protected:
  void begin(std::vector<std::string> redeem_at = {"store-001", "store-002"}) {
    open();
    auto campaign = sure_win();
    campaign.prizes[0].redeem_at = std::move(redeem_at);
    campaign.prizes[0].uses = 2;
    apply({campaign});
    text_ = campaign::seal(*draw("n").coupon, "store-001", seed_);
    id_ = ledger_->coupons_of("alice", kDeadline).value().front().id;
    ledger_.reset();
    std::filesystem::remove(path());
    auto other = settings();
    other.store = "store-002";
    open(other);
  }
  TillRequest shown() {
    auto with = request("");
    with.store = "store-002";
    with.sealed =
        campaign::open_seal(text_, std::vector<campaign::ShopKey>{{"store-001", public_key_of(seed_)}}).value();
    return with;
  }
  const SignatureSeed seed_{1, 2, 3};
  std::string text_, id_;
};

TEST_F(SealAtTill, AnotherShopTakesItAsOftenAsItHasUses) {
  begin();
  EXPECT_FALSE(check(shown()).refused);
  EXPECT_FALSE(ledger_->coupon(id_, kDeadline).value()) << "looking leaves nothing behind";
  EXPECT_EQ(redeem(shown()).coupon->uses_left, 1u);
  const auto event = last(Stream::ledger, "coupon.redeemed");
  EXPECT_EQ(event["coupon"], id_) << "upstream sees that it is the same coupon";
  EXPECT_EQ(event["campaign"], "lunch");
  EXPECT_EQ(event["store"], "store-002");
  EXPECT_EQ(event["value"], "10.00");
  EXPECT_FALSE(redeem(shown()).refused);
  EXPECT_EQ(redeem(shown()).refused, Reason::already_redeemed);
}

// Its code in our books was its id, which events and addresses show.
TEST_F(SealAtTill, OnceTakenInItIsStillFoundByItsSealAlone) {
  begin();
  ASSERT_FALSE(redeem(shown()).refused);
  for (const auto action : {TillAction::check, TillAction::redeem, TillAction::sale, TillAction::void_}) {
    auto typed = request(id_);
    typed.store = "store-002";
    typed.reason = "refund";
    EXPECT_EQ(ask(action, typed).refused, Reason::not_found);
    std::swap(typed.code, typed.typed);
    EXPECT_EQ(ask(action, typed).refused, Reason::not_found);
  }
  const auto code = ledger_->coupon(id_, kDeadline).value()->code;
  EXPECT_EQ(code.size(), 32u);
  EXPECT_NE(code, id_);
  EXPECT_FALSE(redeem(shown()).refused);
}

TEST_F(SealAtTill, AShopThatIsNotNamedDoesNot) {
  begin({"store-001", "store-003"});
  EXPECT_EQ(redeem(shown()).refused, Reason::wrong_store);
  EXPECT_FALSE(ledger_->coupon(id_, kDeadline).value());
}

TEST_F(SealAtTill, ItsDatesHold) {
  begin();
  pass(std::chrono::hours(24));
  EXPECT_EQ(redeem(shown()).refused, Reason::expired);
}

TEST_F(SealAtTill, OurOwnThatIsNotInOurBooksIsUnknown) {
  begin();
  auto home = settings();
  open(home);
  EXPECT_EQ(redeem(shown()).refused, Reason::not_found);
}

TEST_F(SealAtTill, AtHomeItIsTheCouponItself) {
  open();
  apply({sure_win()});
  const auto coupon = *draw("n").coupon;
  text_ = campaign::seal(coupon, "store-001", seed_);
  auto with = shown();
  with.store = "store-001";
  EXPECT_FALSE(redeem(with).refused);
  EXPECT_EQ(redeem(request(coupon.code)).refused, Reason::already_redeemed);
}

}  // namespace
}  // namespace foyer::ledger
