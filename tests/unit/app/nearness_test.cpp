#include "app/nearness.hpp"

#include <gtest/gtest.h>

#include "app/broadcasts.hpp"
#include "support/manual_time.hpp"

namespace foyer::app {
namespace {

using namespace std::chrono_literals;

const Uuid kShop = parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value();
const Uuid kLent = parse_uuid("5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11").value();

class NearnessTest : public testing::Test {
 protected:
  NearnessTest() {
    leases.configure(config::Shoppers{kLent, 4h});
    config::BroadcastBeacon fixed{kShop, 2, std::uint16_t{7}};
    nearness.configure({rolling, fixed}, key, settings().zones);
  }
  static presence::Settings settings() {
    presence::Settings out;
    out.zones = {{"shop", {}, -70, -76, 30s, 45s}};
    return out;
  }
  int level(const std::string& subject = "subject-a", bool associated = true, bool session = true, int proved = 3) {
    portal::Visitor visitor;
    visitor.subject = subject;
    visitor.associated = associated;
    if (session) visitor.session.emplace();
    visitor.presence = proved;
    nearness.raise(visitor);
    zone = visitor.zone;
    return visitor.presence;
  }
  BeaconId on_air(int slots_ago = 0) const {
    const auto slot = slot_at(rolling, clock.wall()) - static_cast<std::uint64_t>(slots_ago);
    return {kShop, 1, rolling_minor(key, kShop, 1, slot)};
  }
  void hear(const BeaconId& id, int times = 1, std::int8_t rssi = -60) {
    std::vector<presence::Change> changes;
    for (int i = 0; i < times; ++i) presence.step({id, rssi, 0, clock.mono(), {}, -59}, changes);
  }
  void pass(std::chrono::seconds time) {
    clock.advance(time);
    std::vector<presence::Change> changes;
    presence.tick(clock.mono(), changes);
    leases.tick();
  }

  test::ManualClock clock;
  Bytes key = Bytes(32, 0x42);
  config::BroadcastBeacon rolling{kShop, 1, {}, 60s};
  Leases leases{clock, kernel_random};
  presence::Presence presence{settings()};
  Nearness nearness{leases, presence, clock};
  std::string zone;
};

TEST_F(NearnessTest, ALentIdentifierHeardIsNear) {
  const auto id = leases.lend("subject-a").value().id;
  EXPECT_EQ(id.uuid, kLent);
  EXPECT_EQ(level(), 3);
  hear(id, 2);
  EXPECT_EQ(level(), 3);  // chance
  hear(id);
  EXPECT_EQ(level(), 4);
  EXPECT_EQ(zone, "shop");
  EXPECT_EQ(level("subject-b"), 3);
  EXPECT_EQ(level("subject-a", false), 3);        // not on the Wi-Fi
  EXPECT_EQ(level("subject-a", true, false), 3);  // not admitted
  EXPECT_EQ(level("subject-a", true, true, 5), 5);
  pass(31s);
  EXPECT_EQ(level(), 3);
}

TEST_F(NearnessTest, FarIsHeardAndInNoZone) {
  hear(leases.lend("subject-a").value().id, 3, -90);
  EXPECT_EQ(level(), 4);
  EXPECT_EQ(zone, "");
}

TEST_F(NearnessTest, ACopiedIdentifierProvesNothing) {
  const auto id = leases.lend("subject-a").value().id;
  std::vector<presence::Change> changes;
  for (std::uint8_t i = 0; i < 20; ++i)
    presence.step({id, -60, 0, clock.mono(), {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(i % 2)}}, -59}, changes);
  EXPECT_EQ(level(), 3);
}

TEST_F(NearnessTest, TheRollingMinorOfThisSlotOrTheLastIsNear) {
  for (const int ago : {0, 1}) {
    const auto subject = "subject-" + std::to_string(ago);
    nearness.report(subject, {on_air(ago)});
    EXPECT_EQ(level(subject), 4) << ago;
  }
  nearness.report("late", {on_air(2)});
  EXPECT_EQ(level("late"), 3);
  EXPECT_EQ(nearness.wrong(), 1u);
  pass(61s);
  EXPECT_EQ(level("subject-0"), 3);  // and no longer
}

TEST_F(NearnessTest, WhatIsNotSecretProvesNothing) {
  nearness.report("subject-a", {{kShop, 2, 7}, {kLent, 1, 1}, leases.lend("subject-a").value().id});
  EXPECT_EQ(level(), 3);
  EXPECT_EQ(nearness.size(), 0u);
}

TEST_F(NearnessTest, GuessingEndsItself) {
  const auto right = on_air();
  std::vector<BeaconId> guesses;
  for (std::uint16_t i = 0; i < 40; ++i) {
    BeaconId guess{kShop, 1, i};
    if (guess != right && guess != on_air(1)) guesses.push_back(guess);
  }
  guesses.resize(Nearness::kMostWrong);
  nearness.report("subject-a", guesses);
  nearness.report("subject-a", {right});
  EXPECT_EQ(level(), 3);
  clock.advance(1h);
  nearness.report("subject-a", {on_air()});
  EXPECT_EQ(level(), 4);
}

TEST_F(NearnessTest, AStrongWifiIsNearInAZoneBySignal) {
  const auto level_at = [&](std::optional<std::int8_t> signal) {
    portal::Visitor visitor;
    visitor.associated = true;
    visitor.session.emplace();
    visitor.presence = 3;
    nearness.raise(visitor, signal);
    return std::pair(visitor.presence, visitor.zone);
  };
  EXPECT_EQ(level_at(-70), std::pair(4, std::string("shop")));
  EXPECT_EQ(level_at(-71), std::pair(3, std::string()));
  EXPECT_EQ(level_at(std::nullopt), std::pair(3, std::string()));
  auto named = settings().zones;
  named[0].beacons = {{kShop, {}, {}}};  // told by beacons, not by signal
  nearness.configure({}, key, named);
  EXPECT_EQ(level_at(-40), std::pair(3, std::string()));
}

// What was pushed knew nothing of signal and rolling beacons.
TEST_F(NearnessTest, AGuestWhoIsHereIsRaisedByTheSameProofs) {
  GuestHere guest{"session-1", "subject-a", "entrance", true, 3, {"subject-a"}, -60};
  auto weak = guest, away = guest, reporter = guest;
  weak.signal = -90;
  away.associated = false;
  reporter.subject = "subject-b";
  reporter.signal.reset();
  nearness.report("subject-b", {on_air()});
  const auto raised = nearness.raised({guest, weak, away, reporter});
  ASSERT_EQ(raised.size(), 4u);
  EXPECT_EQ(raised[0].presence, 4);
  EXPECT_EQ(raised[0].zone, "shop");
  EXPECT_EQ(raised[1].presence, 3);
  EXPECT_EQ(raised[1].zone, "entrance");
  EXPECT_EQ(raised[2].presence, 3);
  EXPECT_EQ(raised[3].presence, 4);
  EXPECT_EQ(raised[3].zone, "entrance");
}

TEST_F(NearnessTest, ErasedIsForgotten) {
  const auto id = leases.lend("subject-a").value().id;
  hear(id, 3);
  nearness.report("subject-a", {on_air()});
  leases.revoke("subject-a");
  nearness.forget("subject-a");
  EXPECT_EQ(level(), 3);
  EXPECT_EQ(leases.holder(id), nullptr);
  EXPECT_EQ(leases.last_holder(id), nullptr);
  EXPECT_EQ(leases.size(), 0u);
}

// ---- leases ----------------------------------------------------------------------------------------------------

TEST_F(NearnessTest, ALeaseIsTheSameInItsFirstHalfThenAFreshOne) {
  const auto first = leases.lend("subject-a").value();
  EXPECT_EQ(first.expires, clock.wall() + 4h);
  pass(2h - 1s);
  EXPECT_EQ(leases.lend("subject-a")->id, first.id);
  pass(1s);
  const auto second = leases.lend("subject-a").value();
  EXPECT_NE(second.id, first.id);
  EXPECT_EQ(*leases.holder(first.id), "subject-a");  // until its end
  EXPECT_EQ(*leases.holder(second.id), "subject-a");
  pass(2h);
  EXPECT_EQ(leases.holder(first.id), nullptr);
  EXPECT_EQ(*leases.last_holder(first.id), "subject-a");
  pass(10min);
  EXPECT_EQ(leases.last_holder(first.id), nullptr);
  EXPECT_EQ(leases.size(), 1u);
}

TEST_F(NearnessTest, NothingIsLentWithoutShoppers) {
  const auto id = leases.lend("subject-a").value().id;
  leases.configure(std::nullopt);
  EXPECT_EQ(leases.holder(id), nullptr);
  const auto refused = leases.lend("subject-a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refuse);
  EXPECT_EQ(leases.size(), 0u);
}

TEST_F(NearnessTest, LeasesHaveALimitAndTheFirstToEndGoes) {
  const auto first = leases.lend("subject-0").value().id;
  clock.advance(1s);
  for (std::size_t i = 1; i <= Leases::kMost; ++i) ASSERT_TRUE(leases.lend("subject-" + std::to_string(i)));
  EXPECT_EQ(leases.size(), Leases::kMost);
  EXPECT_EQ(leases.evictions(), 1u);
  EXPECT_EQ(leases.holder(first), nullptr);
}

}  // namespace
}  // namespace foyer::app
