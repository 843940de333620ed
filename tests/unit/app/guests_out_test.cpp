// Who has to go: the idle, those who used their quota, the blocked and those the operator keeps out.
#include "guests_case.hpp"

namespace foyer::app {
namespace {

using ports::GuestKey;
using ports::Traffic;

TEST_F(GuestsTest, WhoUsesNothingForTheIdleTimeIsOut) {
  guests.limit({20min, 0, {}});
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  ASSERT_TRUE(guests.open(session_of(2), ip(2)));
  clock.advance(19min);
  gate.bytes[{mac(1), ip(1)}] = {1, 0};
  guests.tick();
  clock.advance(2min);
  guests.tick();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].session, "s2");
  EXPECT_EQ(ended[0].reason, "idle");
  EXPECT_FALSE(gate.open.contains({mac(2), ip(2)}));
  clock.advance(15min);
  ASSERT_TRUE(guests.who(ip(1)).value().session) << "a request to the portal is no idleness";
  clock.advance(15min);
  guests.tick();
  EXPECT_EQ(ended.size(), 1u);
}

TEST_F(GuestsTest, ALostGateMakesNobodyIdle) {
  guests.limit({20min, 0, {}});
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  clock.advance(30min);
  gate.lost = true;
  guests.tick();
  gate.lost = false;
  gate.bytes[{mac(1), ip(1)}] = {9, 9};
  guests.tick();
  EXPECT_TRUE(ended.empty());
}

TEST_F(GuestsTest, TheQuotaEndsTheSession) {
  guests.limit({0s, 1000, {}});
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  gate.bytes[{mac(1), ip(1)}] = {200, 700};
  guests.tick();
  EXPECT_EQ(guests.clients().at(0).bytes_left, 100u);
  gate.bytes[{mac(1), ip(1)}] = {300, 700};
  guests.tick();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].reason, "quota");
  // Another session of the same device and address begins with a quota of its own.
  auto next = session_of(1);
  next.id = "s9";
  ASSERT_TRUE(guests.open(next, ip(1)));
  EXPECT_EQ(gate.bytes.at({mac(1), ip(1)}), Traffic{});
}

TEST_F(GuestsTest, ABlockedDeviceIsOutAndStaysOut) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  ASSERT_TRUE(guests.open(session_of(2), ip(2)));
  guests.limit({0s, 0, {mac(1)}});
  guests.tick();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].reason, "blocked");
  EXPECT_EQ(guests.open(session_of(1), ip(1)).error().code, Code::refuse);
  EXPECT_TRUE(gate.open.contains({mac(2), ip(2)}));
}

TEST_F(GuestsTest, WhoIsKeptOutStaysOutUntilTheTimeIsOverOrTheOperatorAdmits) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  EXPECT_EQ(guests.remove("10.9.0.1", "removed", 1h).value(), 1u);
  EXPECT_TRUE(gate.open.empty());
  EXPECT_EQ(gate.kept_out.at(mac(1)), 1h);
  EXPECT_EQ(guests.kept_out().at(mac(1)), 1h);
  EXPECT_EQ(guests.open(session_of(1), ip(1)).error().code, Code::refuse);
  ASSERT_TRUE(guests.open(session_of(2), ip(2))) << "nobody else";
  clock.advance(10min);
  EXPECT_EQ(guests.kept_out().at(mac(1)), 50min);
  auto by_hand = session_of(1);
  by_hand.way = Way::operator_;
  ASSERT_TRUE(guests.open(by_hand, ip(1)));
  EXPECT_TRUE(gate.kept_out.empty());
  EXPECT_TRUE(guests.kept_out().empty());
  EXPECT_EQ(guests.remove("10.9.0.1", "removed", 1h).value(), 1u);
  gate.kept_out.clear();  // the kernel's time is over
  guests.tick();
  EXPECT_TRUE(guests.open(session_of(1), ip(1)));
}

TEST_F(GuestsTest, WhoIsNotInCanBeKeptOutToo) {
  EXPECT_EQ(guests.remove("02:00:00:00:00:09", "removed", 2h).value(), 0u);
  EXPECT_EQ(gate.kept_out.at(mac(9)), 2h);
  EXPECT_EQ(guests.remove("10.9.0.2", "removed", 1h).value(), 0u) << "a neighbour";
  EXPECT_EQ(gate.kept_out.at(mac(2)), 1h);
  EXPECT_EQ(guests.remove("10.9.0.77", "removed", 1h).error().code, Code::refuse) << "whose?";
  // foyerd starts anew: the kernel tells.
  Guests next{&gate, &stations, clock, subjects, [](const auto&) {}};
  next.reconcile({});
  EXPECT_EQ(next.kept_out().size(), 2u);
  EXPECT_EQ(next.open(session_of(2), ip(2)).error().code, Code::refuse);
}

}  // namespace
}  // namespace foyer::app
