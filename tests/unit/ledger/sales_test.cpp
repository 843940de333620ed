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

}  // namespace
}  // namespace foyer::ledger
