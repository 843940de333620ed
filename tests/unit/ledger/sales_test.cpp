#include "till_world.hpp"

namespace foyer::ledger {
namespace {

class Sales : public Till {
 protected:
  TillRequest sale(const std::string& code = "", const std::string& check_no = "42") {
    auto with = request(code);
    with.check_no = check_no;
    with.amount = Money{8000, "CNY"};
    return with;
  }
  campaign::TillAnswer sell(const TillRequest& request) { return ask(TillAction::sale, request); }
  campaign::TillAnswer take_back(const std::string& id, const std::string& reason, const std::string& check_no = "") {
    auto with = request("");
    with.sale = id;
    with.check_no = check_no;
    with.reason = reason;
    return ask(TillAction::void_, with);
  }
  std::string subject_of_last_sale() {
    std::string subject;
    for (const auto& event : events(Stream::ledger))
      if (event.event.type == "sale.recorded") subject = event.event.subject;
    return subject;
  }
  static campaign::Campaign thanks(const std::string& id = "thanks") {
    auto campaign = sure_win(id);
    campaign.trigger = campaign::Trigger::purchase;
    return campaign;
  }
  /// A sale for which the house attests who shows `code`.
  TillRequest sale_of(const std::string& code, const std::string& subject = "alice",
                      std::vector<std::string> known_as = {}, const std::string& zone = "entrance") {
    auto with = sale(code);
    with.holder = campaign::Holder{subject, zone, std::move(known_as)};
    return with;
  }
  void come_in(const std::string& subject) {
    campaign::AdmitCommand command;
    command.session = {"s-" + subject,
                       subject,
                       "d-" + subject,
                       "p-" + subject,
                       Way::link,
                       "poster",
                       "",
                       1,
                       now(),
                       now() + std::chrono::hours(2)};
    ASSERT_TRUE(ledger_->admit(command, kDeadline).has_value());
  }
};

TEST_F(Sales, ASaleIsToldWithWhatTheTillSaid) {
  open();
  const auto sold = sell(sale());
  ASSERT_FALSE(sold.refused);
  EXPECT_EQ(sold.sale.size(), 32u);
  const auto told = last(Stream::ledger, "sale.recorded");
  EXPECT_EQ(told["sale"], sold.sale);
  EXPECT_EQ(told["amount"], "80.00");
  EXPECT_EQ(told["currency"], "CNY");
  EXPECT_EQ(told["store"], "store-001");
  EXPECT_EQ(told["terminal"], "t1");
  EXPECT_EQ(told["operator"], "mei");
  EXPECT_EQ(told["check_no"], "42");
  EXPECT_EQ(subject_of_last_sale(), "");
}

TEST_F(Sales, ACouponThatIsShownSaysWhoBought) {
  open();
  apply({sure_win()});
  const auto code = winning_code();
  ASSERT_FALSE(sell(sale(code)).refused);
  EXPECT_EQ(subject_of_last_sale(), "alice");
  EXPECT_EQ(last(Stream::ledger, "sale.recorded")["coupon"], ledger_->coupon_by_code(code, kDeadline).value()->id);
  EXPECT_EQ(sell(sale("0000000000*")).refused, Reason::not_found);
}

TEST_F(Sales, AMemberCodeSaysWhoBoughtWhileTheyAreIn) {
  open();
  come_in("alice");
  come_in("bob");
  const auto code = ledger_->member_code("bob");
  EXPECT_EQ(campaign::canonical_code(code), code);
  ASSERT_FALSE(sell(sale(code)).refused);
  EXPECT_EQ(subject_of_last_sale(), "bob");
  pass(15min);
  EXPECT_NE(ledger_->member_code("bob"), code);
  EXPECT_FALSE(sell(sale(code)).refused) << "the one before is still good";
  pass(15min);
  EXPECT_EQ(sell(sale(code)).refused, Reason::not_found);
  EXPECT_EQ(sell(sale(ledger_->member_code("carol"))).refused, Reason::not_found) << "carol is not here";
}

TEST_F(Sales, ASaleIsTakenBackOnce) {
  open();
  const auto sold = sell(sale());
  const auto back = take_back(sold.sale, "refund");
  ASSERT_FALSE(back.refused);
  EXPECT_EQ(back.sale, sold.sale);
  const auto told = last(Stream::ledger, "sale.recorded");
  EXPECT_EQ(told["state"], "voided");
  EXPECT_EQ(told["reason"], "refund");
  EXPECT_EQ(told["amount"], "80.00");
  EXPECT_EQ(take_back(sold.sale, "refund").refused, Reason::voided);
  EXPECT_EQ(take_back("nothing", "refund").refused, Reason::not_found);
}

TEST_F(Sales, TheCheckNumberFindsTheNewestSaleOfTheStore) {
  open();
  sell(sale("", "7"));
  pass(1s);
  const auto second = sell(sale("", "7"));
  EXPECT_EQ(take_back("", "mistake", "7").sale, second.sale);
  EXPECT_EQ(take_back("", "mistake", "8").refused, Reason::not_found);
}

TEST_F(Sales, TheSameKeyIsOneSale) {
  open();
  auto with = sale();
  with.idempotency_key = "once";
  const auto first = sell(with);
  open();
  EXPECT_EQ(sell(with).sale, first.sale);
  EXPECT_EQ(count(Stream::ledger, "sale.recorded"), 1u);
}

TEST_F(Sales, APurchaseCampaignGivesToWhoIsInOnceForASale) {
  open();
  apply({sure_win(), thanks()});
  auto with = sale_of(winning_code());
  with.idempotency_key = "once";
  const auto sold = sell(with);
  ASSERT_EQ(sold.triggered.size(), 1u);
  EXPECT_EQ(sold.triggered[0].campaign, "thanks");
  ASSERT_TRUE(sold.triggered[0].coupon);
  EXPECT_EQ(sold.triggered[0].coupon->subject, "alice");
  EXPECT_EQ(last(Stream::ledger, "shake.won")["mode"], "purchase");
  EXPECT_EQ(last(Stream::ledger, "shake.won")["presence"], 5);
  open();
  const auto again = sell(with);
  ASSERT_EQ(again.triggered.size(), 1u) << "the same key is the same sale";
  EXPECT_EQ(again.triggered[0].coupon->id, sold.triggered[0].coupon->id);
  EXPECT_EQ(count(Stream::ledger, "shake.won"), 2u) << "the shake's and this";
  EXPECT_EQ(ledger_->offers({"alice"}, 0, kDeadline)->size(), 1u);
}

TEST_F(Sales, WhatAPurchaseGaveEndsWithIt) {
  open();
  apply({sure_win(), thanks()});
  const auto sold = sell(sale_of(winning_code()));
  ASSERT_EQ(sold.triggered.size(), 1u);
  const auto& given = *sold.triggered[0].coupon;
  ASSERT_FALSE(take_back(sold.sale, "refund").refused);
  EXPECT_EQ(ledger_->coupon(given.id, kDeadline).value()->state, CouponState::voided);
  EXPECT_EQ(redeem(request(given.code)).refused, Reason::voided);
}

TEST_F(Sales, WhatAPurchaseGaveStaysWhereItWasUsedOrTheSaleIsDisputed) {
  open();
  apply({sure_win(), thanks()});
  const auto code = winning_code();
  const auto used = sell(sale_of(code));
  ASSERT_FALSE(redeem(request(used.triggered.at(0).coupon->code)).refused);
  ASSERT_FALSE(take_back(used.sale, "refund").refused);
  EXPECT_EQ(ledger_->coupon(used.triggered[0].coupon->id, kDeadline).value()->state, CouponState::redeemed);
  const auto disputed = sell(sale_of(code));
  ASSERT_FALSE(take_back(disputed.sale, "dispute").refused);
  EXPECT_EQ(ledger_->coupon(disputed.triggered.at(0).coupon->id, kDeadline).value()->state, CouponState::issued);
}

// A refunded sale kept its red packet without a word.
TEST_F(Sales, ARefundTellsTheRedPacketsThePurchaseGave) {
  open();
  auto campaign = thanks("packets");
  campaign::Prize packet;
  packet.id = "packet";
  packet.kind = campaign::PrizeKind::red_packet;
  packet.total = Money{500, "CNY"};
  packet.count = 1;
  campaign.prizes = {packet};
  apply({sure_win(), thanks(), campaign});
  const auto sold = sell(sale_of(winning_code()));
  ASSERT_EQ(sold.triggered.size(), 2u);
  const auto claimed = last(Stream::ledger, "packet.claimed");
  EXPECT_EQ(claimed["amount"], "5.00");
  ASSERT_FALSE(take_back(sold.sale, "refund").refused);
  const auto told = last(Stream::ledger, "sale.recorded");
  EXPECT_EQ(told["packets"], nlohmann::json::array({claimed})) << "the very one that was told as claimed";
  EXPECT_EQ(count(Stream::ledger, "coupon.voided"), 1u);
}

TEST_F(Sales, ADisputedSaleKeepsItsRedPacket) {
  open();
  auto campaign = thanks();
  campaign.prizes[0] = {};
  campaign.prizes[0].id = "packet";
  campaign.prizes[0].kind = campaign::PrizeKind::red_packet;
  campaign.prizes[0].total = Money{500, "CNY"};
  campaign.prizes[0].count = 1;
  apply({sure_win(), campaign});
  const auto sold = sell(sale_of(winning_code()));
  ASSERT_EQ(sold.triggered.size(), 1u);
  ASSERT_FALSE(take_back(sold.sale, "dispute").refused);
  EXPECT_FALSE(last(Stream::ledger, "sale.recorded").contains("packets"));
}

// The trigger asked for no consent.
TEST_F(Sales, APurchaseGivesNothingWithoutConsent) {
  open();
  apply({sure_win(), thanks()});
  auto with = sale_of(winning_code());
  with.terms = "terms-1";
  const auto refused = sell(with);
  EXPECT_FALSE(refused.refused) << "the sale itself is recorded";
  EXPECT_TRUE(refused.triggered.empty());
  EXPECT_EQ(refused.passed_over, std::vector{Reason::consent_missing});
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  EXPECT_EQ(sell(with).triggered.size(), 1u);
}

// Coupons of other days were won under other names, and each name had limits of its own.
TEST_F(Sales, LimitsOfAPurchaseCountEveryNameOfTheBuyer) {
  open();
  auto campaign = thanks();
  campaign.limits.subject_day = 1;
  apply({sure_win(), campaign});
  const std::vector<std::string> names{"alice-3", "alice-2", "alice-1"};
  const auto first = winning_code("n1", "alice-1"), second = winning_code("n2", "alice-2");
  EXPECT_EQ(sell(sale_of(first, "alice-3", names)).triggered.size(), 1u);
  const auto capped = sell(sale_of(second, "alice-3", names));
  EXPECT_TRUE(capped.triggered.empty());
  EXPECT_EQ(capped.passed_over, std::vector{Reason::subject_cap});
}

TEST_F(Sales, WhoIsNotInOrShowsSomebodyElsesCouponGetsNothing) {
  open();
  apply({sure_win(), thanks()});
  const auto code = winning_code();
  const auto away = sell(sale(code));
  EXPECT_TRUE(away.triggered.empty());
  EXPECT_EQ(away.passed_over, std::vector{Reason::presence_too_low});
  EXPECT_TRUE(sell(sale_of(code, "bob", {"bob"})).triggered.empty());
  EXPECT_TRUE(sell(sale()).passed_over.empty()) << "nobody was shown";
  EXPECT_EQ(ledger_->shown_by(sale(code), kDeadline).value(), "alice");
  EXPECT_EQ(ledger_->shown_by(sale("0000000000*"), kDeadline).value(), "");
}

// A campaign of a zone never took a purchase: it had no zone.
TEST_F(Sales, APurchaseHappensInTheZoneOfItsBuyer) {
  open();
  auto campaign = thanks();
  campaign.where.zones = {"till"};
  apply({sure_win(), campaign});
  const auto code = winning_code();
  EXPECT_EQ(sell(sale_of(code, "alice", {}, "garden")).passed_over, std::vector{Reason::presence_too_low});
  EXPECT_EQ(sell(sale_of(code, "alice", {}, "till")).triggered.size(), 1u);
}

}  // namespace
}  // namespace foyer::ledger
