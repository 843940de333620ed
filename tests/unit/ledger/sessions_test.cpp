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

TEST_F(Sessions, ConsentIsToldWhenItIsNewAndWhenTheTermsChanged) {
  open();
  auto scan = command("s1");
  scan.consent = true;
  scan.terms_hash = "terms-1";
  admit(scan);
  admit(scan);
  EXPECT_EQ(count(Stream::ledger, "consent.given"), 1u);
  EXPECT_EQ(ledger_->consented("alice", kDeadline).value(), "terms-1");
  ASSERT_TRUE(ledger_->consent("alice", true, "terms-2", kDeadline));
  EXPECT_EQ(count(Stream::ledger, "consent.given"), 2u);
}

TEST_F(Sessions, WithdrawalErasesTheSubjectButNotTheCounts) {
  open();
  auto campaign = sure_win();
  campaign.limits.subject_total = 1;
  apply({campaign});
  ASSERT_TRUE(ledger_->consent("alice", true, "terms", kDeadline));
  campaign::TillRequest till;
  till.code = winning_code();
  till.idempotency_key = "k";
  ASSERT_TRUE(ledger_->redeem(till, kDeadline));
  ASSERT_TRUE(ledger_->consent("alice", false, "", kDeadline));
  EXPECT_FALSE(ledger_->consented("alice", kDeadline).value());
  EXPECT_TRUE(ledger_->coupons_of("alice", kDeadline).value().empty());
  for (const auto& event : events(Stream::ledger))
    EXPECT_EQ(event.event.subject, event.event.type == "consent.withdrawn" ? "alice" : "");
  EXPECT_EQ(ledger_->redeem(till, kDeadline).value().coupon->subject, "");
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

}  // namespace
}  // namespace foyer::ledger
