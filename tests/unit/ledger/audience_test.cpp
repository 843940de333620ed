#include "ledger/audience.hpp"

#include "world.hpp"

namespace foyer::ledger {
namespace {

using campaign::DrawAnswer;
using campaign::Reason;
using campaign::Span;
using campaign::Stage;

class Audience : public World {
 protected:
  void come(const std::string& subject, std::vector<std::string> known_as = {}) {
    campaign::AdmitCommand command;
    command.session = {"session-" + subject + std::to_string(++sessions_),
                       subject,
                       "device-" + subject,
                       "pair-" + subject,
                       Way::link,
                       "screen",
                       "entrance",
                       2,
                       now(),
                       now() + std::chrono::hours(1)};
    command.known_as = std::move(known_as);
    ASSERT_TRUE(ledger_->admit(command, kDeadline));
  }
  campaign::DrawAnswer draw_as(const std::string& nonce, const std::string& subject,
                               std::vector<std::string> known_as) {
    auto command = shake(nonce, subject);
    command.known_as = std::move(known_as);
    return ledger_->draw(command, kDeadline).value();
  }
  std::uint64_t people(Span span, Stage stage, const std::string& campaign, const std::string& zone = "entrance") {
    std::uint64_t sum = 0;
    const auto statistics = ledger_->statistics(7, kDeadline).value();
    for (const auto& cell : statistics.cells)
      if (cell.span == span && cell.stage == stage && cell.campaign == campaign && cell.zone == zone)
        sum += cell.people;
    return sum;
  }

  int sessions_ = 0;
};

TEST_F(Audience, ReturningIsAnEarlierDayUnderAnyName) {
  open();
  auto fresh = sure_win("fresh"), back = sure_win("back");
  fresh.who.visits = campaign::Visits::new_;
  back.who.visits = campaign::Visits::returning;
  back.priority = 1;
  apply({fresh, back});
  come("alice");
  EXPECT_EQ(draw("n1").campaign, "fresh");
  pass(std::chrono::hours(24));
  EXPECT_EQ(draw("n2").campaign, "back");
  EXPECT_EQ(draw("n3", "alice-2").campaign, "fresh") << "nobody knows this name";
  EXPECT_EQ(draw_as("n4", "alice-2", {"alice-2", "alice"}).campaign, "back");
}

TEST_F(Audience, CapsCountAllNamesOfADevice) {
  open();
  auto campaign = sure_win();
  campaign.limits.subject_total = 1;
  apply({campaign});
  EXPECT_EQ(draw("n1").result, DrawAnswer::Result::won);
  EXPECT_EQ(draw_as("n2", "alice-2", {"alice-2", "alice"}).reason, Reason::subject_cap);
  EXPECT_EQ(draw("n3", "alice-2").reason, Reason::subject_cap) << "what was counted went along to the newest name";
}

TEST_F(Audience, SegmentsAreSetAndErased) {
  open();
  auto vip = sure_win("vip"), rest = sure_win("rest");
  vip.who.any = {"gold", "silver"};
  vip.priority = 1;
  rest.who.none = {"staff"};
  apply({vip, rest});
  EXPECT_EQ(draw("n1").campaign, "rest");
  ASSERT_TRUE(ledger_->set_segments("alice", {"silver", "tea"}, kDeadline));
  EXPECT_EQ(draw("n2").campaign, "vip");
  ASSERT_TRUE(ledger_->set_segments("alice", {"staff"}, kDeadline));
  EXPECT_EQ(draw("n3").result, DrawAnswer::Result::denied);
  EXPECT_EQ(draw("n4").reason, Reason::not_in_audience);
  ASSERT_TRUE(ledger_->withdraw_consent({"alice"}, kDeadline));
  EXPECT_EQ(draw("n5").campaign, "rest");
  EXPECT_EQ(ledger_->set_segments("alice", std::vector<std::string>(65, "x"), kDeadline).error().code, Code::refuse);
}

TEST_F(Audience, TheFunnelCountsPeopleNotTimes) {
  open();
  auto campaign = sure_win();
  apply({campaign});
  for (int person = 0; person < 20; ++person) {
    const auto subject = fmt::format("s{}", person);
    come(subject);
    for (int i = 0; i < 3; ++i) draw(fmt::format("{}-{}", person, i), subject);
  }
  EXPECT_EQ(people(Span::day, Stage::present, ""), 20u);
  EXPECT_EQ(people(Span::day, Stage::shook, "lunch"), 20u);
  EXPECT_EQ(people(Span::hour, Stage::won, "lunch"), 20u);
  EXPECT_EQ(people(Span::hour, Stage::redeemed, "lunch"), 0u);
  campaign::TillRequest till;
  till.action = campaign::TillAction::redeem;
  till.code = winning_code("n-code", "s1");
  ASSERT_FALSE(ledger_->till(till, kDeadline)->refused);
  EXPECT_EQ(people(Span::day, Stage::redeemed, "lunch"), 1u) << "in the zone it was won in";
  open();
  draw("again", "s3");
  EXPECT_EQ(people(Span::day, Stage::shook, "lunch"), 20u) << "known again after a restart";
  const auto statistics = ledger_->statistics(7, kDeadline).value();
  for (const auto& cell : statistics.cells)
    if (cell.stage == Stage::shook && cell.span == Span::day) {
      EXPECT_EQ(cell.events, 62u);
    }
}

TEST_F(Audience, TheFunnelForgetsWhoOnceItsHourIsOver) {
  open();
  apply({sure_win()});
  for (int i = 0; i < 1000; ++i) draw(fmt::format("n{}", i), fmt::format("s{}", i));
  EXPECT_NEAR(static_cast<double>(people(Span::hour, Stage::shook, "lunch")), 1000, 40);
  pass(std::chrono::hours(25));
  auto quick = settings();
  quick.sweep_every = 0ms;
  open(quick);
  ASSERT_TRUE(ledger_->set_segments("x", {}, kDeadline));
  ledger_->close();
  Db db(path(), Db::Mode::read_only, "");
  EXPECT_EQ(db.number("SELECT count(*) FROM funnel WHERE length(bits) > 0"), 0);
  EXPECT_GT(db.number("SELECT sum(people) FROM funnel"), 1900);
}

TEST_F(Audience, HoldoutAndTreatedAreFollowed) {
  open();
  auto campaign = sure_win();
  campaign.who.holdout_bp = 5000;
  apply({campaign});
  int held = 0;
  for (int i = 0; i < 200; ++i) held += draw(fmt::format("n{}", i), fmt::format("s{}", i)).reason == Reason::holdout;
  for (int i = 0; i < 200; ++i) draw(fmt::format("m{}", i), fmt::format("s{}", i));
  pass(std::chrono::hours(24));
  for (int i = 0; i < 50; ++i) come(fmt::format("t{}", i), {fmt::format("t{}", i), fmt::format("s{}", i)});
  const auto arms = ledger_->statistics(7, kDeadline)->arms;
  ASSERT_EQ(arms.size(), 1u);
  EXPECT_EQ(arms[0].campaign, "lunch");
  EXPECT_EQ(arms[0].held.people, static_cast<std::uint64_t>(held)) << "each once";
  EXPECT_EQ(arms[0].treated.people, static_cast<std::uint64_t>(200 - held));
  EXPECT_EQ(arms[0].held.returned + arms[0].treated.returned, 50u);
  EXPECT_NEAR(held, 100, 35);
}

class Lift : public Audience {
 protected:
  void begin() {
    open();
    auto tried = sure_win(), other = sure_win("other");
    tried.who.holdout_bp = 5000;
    other.trigger = campaign::Trigger::wifi;
    apply({tried, other});
  }
  /// The first of many who is treated, or held out.
  std::string one_who_is(bool held) {
    for (int i = 0; i < 64; ++i) {
      const auto subject = fmt::format("{}-{}", held ? "h" : "t", i);
      if ((draw("n-" + subject, subject).reason == Reason::holdout) == held) return subject;
    }
    ADD_FAILURE() << "a coin fell on one side 64 times";
    return "";
  }
  void buy(const std::string& code, const std::string& subject, std::vector<std::string> known_as,
           campaign::TillAction action = campaign::TillAction::sale) {
    campaign::TillRequest till;
    till.action = action;
    till.code = code;
    till.amount = Money{8000, "CNY"};
    till.holder = campaign::Holder{subject, "", std::move(known_as)};
    ASSERT_FALSE(ledger_->till(till, kDeadline)->refused);
  }
  campaign::Arms arms() { return ledger_->statistics(7, kDeadline)->arms.at(0); }
};

// The row goes with the newest name, and the coupon bears an older one.
TEST_F(Lift, WhoBoughtIsFoundAfterTheirNameWasRenewed) {
  begin();
  const auto held = one_who_is(true);
  come(held);
  const auto old = ledger_->coupons_of(held, kDeadline)->at(0).code;  // of the other campaign
  const std::vector<std::string> names{held + "-new", held};
  draw_as("n-new", held + "-new", names);
  ASSERT_EQ(arms().held.bought, 0u);
  buy(old, held + "-new", names);
  EXPECT_EQ(arms().held.bought, 1u);
}

// Treated were known by a coupon that those held out cannot have.
TEST_F(Lift, ThePurchaseThatOnlyTheCampaignsOwnCouponTellsOfCountsForNeitherArm) {
  begin();
  const auto treated = one_who_is(false);
  const auto own = ledger_->coupons_of(treated, kDeadline)->at(0).code;
  buy(own, treated, {treated});
  buy(own, treated, {treated}, campaign::TillAction::redeem);
  EXPECT_EQ(arms().treated.bought, 0u);
  come(treated);
  buy(ledger_->member_code(treated), treated, {treated});
  EXPECT_EQ(arms().treated.bought, 1u);
  const auto held = one_who_is(true);
  come(held);
  buy(ledger_->member_code(held), held, {held});
  EXPECT_EQ(arms().held.bought, 1u);
}

TEST_F(Audience, TheHoldoutIsTheSameWhenTheNamesKeyIsRenewed) {
  open();
  auto campaign = sure_win();
  campaign.who.holdout_bp = 5000;
  apply({campaign});
  constexpr int kPeople = 40, kDays = 12, kNamesKnown = 8;  // a device is known by its last names alone
  const auto name = [](int person, int day) { return fmt::format("s{}-{}", person, day); };
  std::vector<bool> held;
  for (int day = 0; day < kDays; ++day) {
    for (int person = 0; person < kPeople; ++person) {
      std::vector<std::string> known_as;
      for (int past = day; past >= 0 && past > day - kNamesKnown; --past) known_as.push_back(name(person, past));
      const auto answer = draw_as(fmt::format("n{}-{}", person, day), name(person, day), known_as);
      const bool now = answer.reason == Reason::holdout;
      if (day == 0) held.push_back(now);
      EXPECT_EQ(now, held[static_cast<std::size_t>(person)]) << "person " << person << " on day " << day;
    }
    pass(std::chrono::hours(24));
    open();
  }
  const auto arms = ledger_->statistics(7, kDeadline)->arms;
  ASSERT_EQ(arms.size(), 1u);
  EXPECT_EQ(arms[0].held.people + arms[0].treated.people, static_cast<std::uint64_t>(kPeople)) << "each once";
  EXPECT_NE(std::ranges::count(held, true), 0);
  EXPECT_NE(std::ranges::count(held, false), 0);
}

}  // namespace
}  // namespace foyer::ledger
