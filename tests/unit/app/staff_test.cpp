#include "app/staff.hpp"

#include <gtest/gtest.h>

namespace foyer::app {
namespace {

using namespace std::chrono_literals;

const IpAddress kHere = *parse_ip("10.77.0.9"), kThere = *parse_ip("10.77.0.10");
constexpr MonoTime kStart{1h};

TEST(StaffSessions, BelongToTheirAddressAndEnd) {
  StaffSessions sessions;
  sessions.add("token", {"mei", true}, kHere, kStart);
  ASSERT_TRUE(sessions.find("token", kHere, kStart));
  EXPECT_EQ(sessions.find("token", kHere, kStart)->name, "mei");
  EXPECT_TRUE(sessions.find("token", kHere, kStart)->manager);
  EXPECT_FALSE(sessions.find("token", kThere, kStart)) << "a stolen cookie is worth nothing elsewhere";
  EXPECT_FALSE(sessions.find("tokem", kHere, kStart));
  EXPECT_FALSE(sessions.find("token", kHere, kStart + StaffSessions::kLife));
  sessions.add("token", {"mei", false}, kHere, kStart);
  sessions.end("token");
  EXPECT_FALSE(sessions.find("token", kHere, kStart));
}

TEST(StaffSessions, EndWithTheMember) {
  StaffSessions sessions;
  sessions.add("a", {"mei", false}, kHere, kStart);
  sessions.add("b", {"mei", false}, kThere, kStart);
  sessions.add("c", {"li", false}, kHere, kStart);
  sessions.end_all_of("mei");
  EXPECT_FALSE(sessions.find("a", kHere, kStart));
  EXPECT_FALSE(sessions.find("b", kThere, kStart));
  EXPECT_TRUE(sessions.find("c", kHere, kStart));
}

TEST(StaffSessions, AreBoundedAndTheOldestGoesFirst) {
  StaffSessions sessions;
  for (std::size_t i = 0; i <= StaffSessions::kMost; ++i)
    sessions.add(std::to_string(i), {"mei", false}, kHere, kStart + std::chrono::seconds(i));
  EXPECT_EQ(sessions.size(), StaffSessions::kMost);
  EXPECT_FALSE(sessions.find("0", kHere, kStart + 100s));
  EXPECT_TRUE(sessions.find("1", kHere, kStart + 100s));
}

}  // namespace
}  // namespace foyer::app
