#include <future>

#include "ledger/housekeeping.hpp"
#include "ledger/sqlite.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

using campaign::AdmitCommand;
using campaign::Reason;

class Sessions : public World {
 protected:
  AdmitCommand command(const std::string& id, const std::string& device = "dev", const std::string& ip = "1") {
    AdmitCommand command;
    command.session = {id, "alice", device, device + ip, Way::link, "screen", "entrance", 2, now(), now() + 2h};
    return command;
  }
  campaign::AdmitAnswer admit(const AdmitCommand& command) { return ledger_->admit(command, kDeadline).value(); }
};

TEST_F(Sessions, AdmittedAndEndedOnce) {
  open();
  EXPECT_FALSE(admit(command("s1")).again);
  const auto in = last(Stream::ledger, "wifi.admitted");
  EXPECT_EQ(in["session"], "s1");
  EXPECT_EQ(in["way"], "link");
  EXPECT_EQ(in["kind"], "screen");
  pass(90s);
  ASSERT_TRUE(ledger_->end_session({"s1", "removed", 10, 20}, kDeadline));
  ASSERT_TRUE(ledger_->end_session({"s1", "idle", 11, 21}, kDeadline));
  EXPECT_EQ(count(Stream::ledger, "wifi.ended"), 1u);
  const auto out = last(Stream::ledger, "wifi.ended");
  EXPECT_EQ(out["seconds"], 90);
  EXPECT_EQ(out["bytes_up"], 10);
  EXPECT_EQ(out["bytes_down"], 20);
  EXPECT_EQ(out["reason"], "removed");
  EXPECT_TRUE(ledger_->sessions(kDeadline).value().empty());
}

TEST_F(Sessions, SamePairIsExtendedAndSurvivesARestart) {
  open();
  admit(command("s1"));
  pass(1h);
  const auto answer = admit(command("s2"));
  EXPECT_EQ(answer.session.id, "s1");
  EXPECT_EQ(answer.session.until, now() + 2h);
  open();
  const auto sessions = ledger_->sessions(kDeadline).value();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].id, "s1");
  EXPECT_EQ(sessions[0].pair, "dev1");
  EXPECT_EQ(sessions[0].until, now() + 2h);
  EXPECT_EQ(sessions[0].way, Way::link);
}

TEST_F(Sessions, WhatWasUsedOutlivesARestartAndIsToldWhenTheSessionExpires) {
  open();
  admit(command("s1"));
  ASSERT_TRUE(ledger_->count_sessions({{"s1", 300, 700}, {"gone", 1, 1}}, kDeadline));
  open();
  const auto sessions = ledger_->sessions(kDeadline).value();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].bytes_up, 300u);
  EXPECT_EQ(sessions[0].bytes_down, 700u);
  ASSERT_TRUE(ledger_->end_session({"s1", "expired", 0, 900}, kDeadline));
  const auto out = last(Stream::ledger, "wifi.ended");
  EXPECT_EQ(out["bytes_up"], 300);
  EXPECT_EQ(out["bytes_down"], 900);
}

TEST_F(Sessions, SingleUseTokenIsOncePerDevice) {
  open();
  auto first = command("s1");
  first.token_hash = "token";
  first.single_use = true;
  EXPECT_FALSE(admit(first).refused);
  auto retry = first;
  retry.session.id = "s2";
  const auto again = admit(retry);
  EXPECT_TRUE(again.again) << "a browser that sends the form twice";
  EXPECT_EQ(again.session.id, "s1");
  ASSERT_TRUE(ledger_->end_session({"s1", "removed", 0, 0}, kDeadline));
  EXPECT_EQ(admit(retry).refused, Reason::already_redeemed);
  auto other = command("s3", "dev-b");
  other.token_hash = "token";
  other.single_use = true;
  EXPECT_FALSE(admit(other).refused);
}

TEST_F(Sessions, AReceiptLetsInOneDeviceEver) {
  open();
  auto first = command("s1");
  first.token_hash = "receipt";
  first.single_use = first.once = true;
  EXPECT_FALSE(admit(first).refused);
  auto other = command("s2", "dev-b");
  other.token_hash = "receipt";
  other.single_use = other.once = true;
  EXPECT_EQ(admit(other).refused, Reason::already_redeemed);
  open();
  EXPECT_EQ(admit(other).refused, Reason::already_redeemed);
}

TEST_F(Sessions, CooldownAndDailyCap) {
  open();
  auto scan = command("s1");
  scan.token_hash = "poster";
  scan.cooldown = 60s;
  scan.per_device_per_day = 2;
  EXPECT_FALSE(admit(scan).again);
  pass(30s);
  EXPECT_TRUE(admit(scan).again);
  pass(31s);
  EXPECT_FALSE(admit(scan).again);
  pass(61s);
  EXPECT_EQ(admit(scan).refused, Reason::rate_limited);
  EXPECT_EQ(count(Stream::ledger, "wifi.admitted"), 2u);
  set_time("2026-11-22T16:00:01.000Z");  // the shop's next day
  scan.session.since = now();
  scan.session.until = now() + 2h;
  EXPECT_FALSE(admit(scan).refused);
}

// The names of devices get a new key every day of its own: a device had twice the cap on that day.
TEST_F(Sessions, TheDailyCapHoldsAcrossAKeyRotation) {
  open();
  auto scan = command("s1", "old-name");
  scan.per_device_per_day = 2;
  scan.known_devices = {"old-name"};
  EXPECT_FALSE(admit(scan).refused);
  scan.session = command("s2", "new-name").session;
  scan.known_devices = {"new-name", "old-name"};
  EXPECT_FALSE(admit(scan).refused);
  scan.session = command("s3", "new-name", "3").session;
  EXPECT_EQ(admit(scan).refused, Reason::rate_limited);
  scan.session = command("s4", "another").session;
  scan.known_devices = {"another"};
  EXPECT_FALSE(admit(scan).refused);
}

TEST_F(Sessions, ConsentIsToldWhenItIsNewAndWhenTheTermsChanged) {
  open();
  auto scan = command("s1");
  scan.consent = true;
  scan.terms_hash = "terms-1";
  admit(scan);
  admit(scan);
  EXPECT_EQ(count(Stream::ledger, "consent.given"), 1u);
  EXPECT_EQ(ledger_->consented("alice", kDeadline).value(), "terms-1");
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-2", kDeadline));
  EXPECT_EQ(count(Stream::ledger, "consent.given"), 2u);
}

TEST_F(Sessions, ConsentThatWasAskedForBeforeWaitsForNoCommit) {
  open();
  const auto consented = [this](const std::string& who, std::chrono::milliseconds patience) {
    return ledger_->consented(who, patience);
  };
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  EXPECT_EQ(consented("alice", kDeadline).value(), "terms-1");
  EXPECT_FALSE(consented("bob", kDeadline).value());
  std::promise<void> asked;
  ledger_->on_stored([wait = asked.get_future().share()](const auto&) { wait.wait(); });
  auto given = std::async(std::launch::async, [&] { return ledger_->give_consent("carol", "terms-1", kDeadline); });
  ASSERT_TRUE(given.get());  // answered, and the ledger's thread waits
  EXPECT_FALSE(consented("carol", 20ms)) << "her row changed: it is read anew";
  EXPECT_EQ(consented("alice", 20ms).value(), "terms-1");
  EXPECT_FALSE(consented("bob", 20ms).value());
  asked.set_value();
  ASSERT_TRUE(ledger_->give_consent("bob", "terms-1", kDeadline));
  EXPECT_EQ(consented("bob", kDeadline).value(), "terms-1");
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-2", kDeadline));
  EXPECT_EQ(consented("alice", kDeadline).value(), "terms-2");
  ASSERT_TRUE(ledger_->withdraw_consent({"bob"}, kDeadline));
  EXPECT_FALSE(consented("bob", kDeadline).value());
  ASSERT_TRUE(ledger_->erase({"alice"}, kDeadline));
  EXPECT_FALSE(consented("alice", kDeadline).value());
}

TEST_F(Sessions, WithdrawalErasesTheSubjectButNotTheCounts) {
  open();
  auto campaign = sure_win();
  campaign.limits.subject_total = 1;
  apply({campaign});
  ASSERT_TRUE(ledger_->give_consent("alice", "terms", kDeadline));
  campaign::TillRequest till;
  till.action = campaign::TillAction::redeem;
  till.code = winning_code();
  till.idempotency_key = "k";
  ASSERT_TRUE(ledger_->till(till, kDeadline));
  ASSERT_TRUE(ledger_->withdraw_consent({"alice"}, kDeadline));
  EXPECT_FALSE(ledger_->consented("alice", kDeadline).value());
  EXPECT_TRUE(ledger_->coupons_of("alice", kDeadline).value().empty());
  for (const auto& event : events(Stream::ledger))
    EXPECT_EQ(event.event.subject, event.event.type == "consent.withdrawn" ? "alice" : "");
  EXPECT_EQ(ledger_->till(till, kDeadline).value().coupon->subject, "");
  EXPECT_EQ(draw("n2").reason, Reason::subject_cap) << "erasing is no way round a cap";
}

TEST_F(Sessions, OverdueSessionsAreEndedBySweep) {
  open();
  admit(command("s1"));
  pass(2h + 6min);
  open();
  EXPECT_TRUE(eventually([&] { return count(Stream::ledger, "wifi.ended") == 1; }));
  EXPECT_EQ(last(Stream::ledger, "wifi.ended")["reason"], "expired");
  EXPECT_EQ(last(Stream::ledger, "wifi.ended")["seconds"], 7200);
}

TEST_F(Sessions, IsCarriedToAnotherAddressWithItsTime) {
  open();
  const auto before = admit(command("s1")).session;
  admit(command("s2", "dev-b"));
  pass(30min);
  const auto carried = ledger_->carry_session("s1", "dev-b1", kDeadline).value();
  ASSERT_TRUE(carried);
  EXPECT_EQ(carried->until, before.until);
  EXPECT_EQ(carried->subject, "alice");
  EXPECT_EQ(carried->device, "dev") << "its limits go on";
  EXPECT_EQ(carried->way, Way::pass);
  EXPECT_EQ(last(Stream::ledger, "wifi.ended")["session"], "s2") << "who was recorded there is ended";
  EXPECT_EQ(last(Stream::ledger, "wifi.admitted")["way"], "pass");
  open();
  const auto sessions = ledger_->sessions(kDeadline).value();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].pair, "dev-b1");
  pass(90min);
  EXPECT_FALSE(ledger_->carry_session("s1", "dev3", kDeadline).value()) << "over";
  EXPECT_FALSE(ledger_->carry_session("s9", "dev3", kDeadline).value()) << "unknown";
}

TEST_F(Sessions, WhoWasVouchedForStaysThat) {
  open();
  auto laptop = command("s1");
  laptop.session.way = Way::pair;
  admit(laptop);
  EXPECT_EQ(ledger_->carry_session("s1", "dev2", kDeadline).value()->way, Way::pair);
}

TEST_F(Sessions, TypedCodesAreKeptUntilTheyEndAndBelongToOneToken) {
  open();
  const Bytes body{1, 2, 3}, other{4};
  ASSERT_TRUE(ledger_->keep_typed("ABCDEFGH", body, now() + 1h, kDeadline));
  EXPECT_TRUE(ledger_->keep_typed("ABCDEFGH", body, now() + 1h, kDeadline));
  EXPECT_EQ(ledger_->keep_typed("ABCDEFGH", other, now() + 1h, kDeadline).error().code, Code::refuse);
  open();
  EXPECT_EQ(ledger_->typed("ABCDEFGH", kDeadline).value(), body);
  EXPECT_FALSE(ledger_->typed("ABCDEFGJ", kDeadline).value());
  pass(1h);
  EXPECT_FALSE(ledger_->typed("ABCDEFGH", kDeadline).value());
  EXPECT_TRUE(ledger_->keep_typed("ABCDEFGH", other, now() + 1h, kDeadline));
}

// Whoever invents devices with a poster in hand fills the memory of used tokens: it is bounded, and the oldest goes.
TEST_F(Sessions, UsedTokensAreBoundedTheOldestGoesAndTheRestOutlivesARestart) {
  const auto used_once = [this](const char* token, const char* device) {
    auto use = command(fmt::format("{}-{}", token, device), device);
    use.token_hash = token;
    use.single_use = use.once = true;
    return admit(use).refused;
  };
  open();
  EXPECT_FALSE(used_once("oldest", "a"));
  pass(1min);
  EXPECT_FALSE(used_once("second", "b"));
  ledger_->close();
  {
    Db db(path(), Db::Mode::read_write, "");
    db.query(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
          "INSERT INTO token_use (token_hash, device, at_ms, session) SELECT 'poster', 'invented' || i, ? + i, '' FROM "
          "n")
        .bind(kMostTokenUses - 1, unix_ms(now()))
        .run();
  }
  auto quick = settings();
  quick.sweep_every = 0ms;
  open(quick);
  ASSERT_TRUE(ledger_->set_segments("x", {}, kDeadline));
  ledger_->close();
  {
    Db db(path(), Db::Mode::read_only, "");
    EXPECT_EQ(db.number("SELECT count(*) FROM token_use"), kMostTokenUses);
  }
  open();
  EXPECT_EQ(used_once("second", "c"), Reason::already_redeemed) << "known again after a restart";
  EXPECT_FALSE(used_once("oldest", "c")) << "only its own expiry holds it now";
}

}  // namespace
}  // namespace foyer::ledger
