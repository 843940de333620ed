#include "ledger/offers.hpp"

#include "world.hpp"

namespace foyer::ledger {
namespace {

using campaign::Reason;
using campaign::Trigger;
using campaign::TriggerCommand;

class Offers : public World {
 protected:
  static campaign::Campaign on(Trigger trigger, const std::string& id, int priority = 0) {
    auto campaign = sure_win(id);
    campaign.trigger = trigger;
    campaign.priority = priority;
    return campaign;
  }
  static TriggerCommand entering(const std::string& instance, const std::string& subject = "alice") {
    return {Trigger::enter, instance, {subject, 4, "entrance", false}, {subject}, ""};
  }
  campaign::TriggerAnswer happen(const TriggerCommand& command) {
    auto answer = ledger_->happen(command, kDeadline);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    return answer.value();
  }
  std::vector<campaign::Offer> list(const std::string& subject = "alice", std::uint64_t after = 0) {
    return ledger_->offers({subject}, after, kDeadline).value();
  }
  campaign::AdmitCommand admission(const std::string& session, const std::string& token, const std::string& subject) {
    campaign::AdmitCommand command;
    command.session = {
        session, subject, "device-" + subject,          "pair-" + subject, Way::link, "screen", "entrance",
        2,       now(),   now() + std::chrono::hours(2)};
    command.token_hash = token;
    command.presence = 3;
    command.known_as = {subject};
    return command;
  }
  void allow(campaign::OfferRules rules) { ASSERT_TRUE(ledger_->use_offer_rules(rules, kDeadline)); }
};

TEST_F(Offers, AHappeningBringsItsOfferOnceAlsoAfterARestart) {
  open();
  apply({on(Trigger::enter, "welcome"), sure_win("shake")});
  const auto first = happen(entering("enter|1"));
  ASSERT_EQ(first.offers.size(), 1u);
  EXPECT_EQ(first.offers[0].answer.campaign, "welcome");
  EXPECT_EQ(first.offers[0].zone, "entrance");
  ASSERT_TRUE(first.offers[0].answer.coupon);
  for (int boot = 0; boot < 2; ++boot) {
    const auto again = happen(entering("enter|1"));
    ASSERT_EQ(again.offers.size(), 1u);
    EXPECT_EQ(again.offers[0].seq, first.offers[0].seq);
    EXPECT_EQ(again.offers[0].answer.coupon->code, first.offers[0].answer.coupon->code);
    ASSERT_EQ(list().size(), 1u);
    open();
  }
  EXPECT_EQ(count(Stream::ledger, "shake.won"), 1u);
  const auto won = last(Stream::ledger, "shake.won");
  EXPECT_EQ(won["mode"], "enter");
  EXPECT_EQ(won["zone"], "entrance");
  EXPECT_EQ(won["presence"], 4);
  EXPECT_EQ(won["nonce_hash"].get<std::string>().size(), 32u);
}

TEST_F(Offers, EachTriggerBringsOnlyItsOwn) {
  open();
  std::vector<campaign::Campaign> all;
  for (std::size_t i = 0; i < campaign::kTriggers; ++i) {
    const auto trigger = static_cast<Trigger>(i);
    all.push_back(on(trigger, "on-" + std::string(to_string(trigger))));
  }
  apply(all);
  for (std::size_t i = 1; i < campaign::kTriggers; ++i) {
    auto command = entering("x" + std::to_string(i), "subject-" + std::to_string(i));
    command.trigger = static_cast<Trigger>(i);
    const auto offers = happen(command).offers;
    ASSERT_EQ(offers.size(), 1u);
    EXPECT_EQ(offers[0].answer.campaign, "on-" + std::string(to_string(command.trigger)));
    EXPECT_EQ(offers[0].trigger, command.trigger);
  }
  EXPECT_EQ(draw("n1", "somebody").campaign, "on-shake");
}

TEST_F(Offers, OfAGroupAtMostOneWinsForAHappening) {
  open();
  auto high = on(Trigger::enter, "high", 3), middle = on(Trigger::enter, "middle", 2),
       low = on(Trigger::enter, "low", 1);
  high.exclusive = middle.exclusive = "group";
  apply({low, middle, high});
  const auto offers = happen(entering("e1")).offers;
  ASSERT_EQ(offers.size(), 2u);
  EXPECT_EQ(offers[0].answer.campaign, "high");
  EXPECT_EQ(offers[1].answer.campaign, "low");
  high.paused = true;
  apply({low, middle, high});
  EXPECT_EQ(happen(entering("e2")).offers.at(0).answer.campaign, "middle");
}

TEST_F(Offers, RefusalsSayTheirReasonAndLeaveNoTrace) {
  open();
  auto campaign = on(Trigger::enter, "welcome");
  campaign.where.presence = 5;
  apply({campaign});
  const auto answer = happen(entering("e1"));
  EXPECT_TRUE(answer.offers.empty());
  EXPECT_EQ(answer.refused, std::vector{Reason::presence_too_low});
  EXPECT_TRUE(types(Stream::ledger).empty());
}

TEST_F(Offers, NeedConsentWhereTermsAreRequired) {
  open();
  apply({on(Trigger::enter, "welcome")});
  auto command = entering("e1");
  command.terms = "terms-1";
  EXPECT_EQ(happen(command).refused, std::vector{Reason::consent_missing});
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  EXPECT_EQ(happen(command).offers.size(), 1u);
  command.instance = "e2";
  command.terms = "terms-2";
  EXPECT_EQ(happen(command).refused, std::vector{Reason::consent_missing}) << "agreed to an older text";
}

TEST_F(Offers, TheHousesCapsHoldForAllCampaignsTogether) {
  open();
  allow({2, 3, {}});
  apply({on(Trigger::enter, "a"), on(Trigger::dwell, "b")});
  EXPECT_EQ(happen(entering("e1")).offers.size(), 1u);
  auto dwelling = entering("d1");
  dwelling.trigger = Trigger::dwell;
  EXPECT_EQ(happen(dwelling).offers.size(), 1u);
  EXPECT_EQ(happen(entering("e2")).refused, std::vector{Reason::subject_cap});
  auto renamed = entering("e3", "alice-2");
  renamed.known_as = {"alice-2", "alice"};
  EXPECT_EQ(happen(renamed).refused, std::vector{Reason::subject_cap}) << "another name of the same device";
  EXPECT_EQ(happen(entering("e4", "bob")).offers.size(), 1u);
  EXPECT_EQ(happen(entering("e5", "carol")).refused, std::vector{Reason::campaign_cap});
  set_time("2026-11-22T16:00:00.000Z");  // midnight in the shop
  EXPECT_EQ(happen(entering("e6", "carol")).offers.size(), 1u);
  EXPECT_EQ(draw("n1").reason, Reason::not_found) << "what is asked for is not limited by it";
}

TEST_F(Offers, NoneInQuietHours) {
  open();
  allow({10, {}, {{22 * 60, 8 * 60}}});
  apply({on(Trigger::enter, "a")});
  set_time("2026-11-22T14:00:00.000Z");  // 22:00 in the shop
  EXPECT_EQ(happen(entering("e1")).refused, std::vector{Reason::outside_hours});
  set_time("2026-11-22T23:59:59.000Z");  // 07:59
  EXPECT_EQ(happen(entering("e1")).refused, std::vector{Reason::outside_hours});
  set_time("2026-11-23T00:00:00.000Z");
  EXPECT_EQ(happen(entering("e1")).offers.size(), 1u);
}

TEST_F(Offers, ComingInBringsThoseOfWifiAndQr) {
  open();
  apply({on(Trigger::wifi, "wifi"), on(Trigger::qr, "qr")});
  const auto answer = ledger_->admit(admission("s1", "token-1", "alice"), kDeadline).value();
  ASSERT_EQ(answer.offers.size(), 2u);
  EXPECT_EQ(answer.offers[0].answer.campaign, "wifi");
  EXPECT_EQ(answer.offers[1].answer.campaign, "qr");
  EXPECT_EQ(last(Stream::ledger, "shake.won")["presence"], 3);
  pass(1s);
  const auto more = ledger_->admit(admission("s2", "token-2", "alice"), kDeadline).value();
  ASSERT_EQ(more.offers.size(), 1u) << "the session goes on, the code was scanned anew";
  EXPECT_EQ(more.offers[0].answer.campaign, "qr");
  EXPECT_EQ(list().size(), 3u);
  EXPECT_EQ(list("alice", answer.offers[1].seq).size(), 1u);
}

TEST_F(Offers, GoWithTheSubjectAndAfterAWeek) {
  open();
  apply({on(Trigger::enter, "a")});
  happen(entering("e1"));
  happen(entering("e2", "bob"));
  const auto last_seq = list("bob").at(0).seq;
  ASSERT_TRUE(ledger_->withdraw_consent({"alice"}, kDeadline));
  EXPECT_TRUE(list().empty());
  auto quick = settings();
  quick.sweep_every = 0ms;
  pass(std::chrono::hours(7 * 24 + 1));
  open(quick);
  EXPECT_TRUE(eventually([&] { return list("bob").empty(); }));
  happen(entering("e3", "bob"));
  EXPECT_GT(list("bob").at(0).seq, last_seq) << "a number is never given twice";
}

TEST_F(Offers, ManyAtOnceKeepTheStock) {
  open();
  allow({1000, {}, {}});
  auto campaign = on(Trigger::enter, "a");
  campaign.prizes[0].stock = 50;
  apply({campaign});
  std::atomic<int> won{0};
  in_parallel(16, [&](int t) {
    for (int i = 0; i < 10; ++i)
      won += static_cast<int>(
          ledger_->happen(entering(fmt::format("{}|{}", t, i), fmt::format("s{}", t)), kDeadline)->offers.size());
  });
  EXPECT_EQ(won, 50);
}

// Those of the triggers wifi and qr were thrown away.
TEST_F(Offers, ComingInSaysWhyItBroughtNothing) {
  open();
  auto near = on(Trigger::wifi, "near");
  near.where = {{"till"}, 4};
  auto scanned = on(Trigger::qr, "scanned");
  scanned.paused = true;
  apply({near, scanned});
  const auto first = ledger_->admit(admission("s1", "token-1", "alice"), kDeadline).value();
  EXPECT_TRUE(first.offers.empty());
  EXPECT_EQ(first.passed_over, (std::vector{Reason::presence_too_low, Reason::paused}));
  auto close = admission("s2", "token-2", "bob");
  close.presence = 4;
  close.near = "till";
  const auto second = ledger_->admit(close, kDeadline).value();
  ASSERT_EQ(second.offers.size(), 1u);
  EXPECT_EQ(second.offers[0].zone, "till") << "where the device is proved to be, not where the code hangs";
  EXPECT_EQ(second.session.zone, "entrance");
}

}  // namespace
}  // namespace foyer::ledger
