// A beacon that is copied, and what only looks like it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "room.hpp"

namespace foyer::presence {
namespace {

using testing::ElementsAre;
using Kind = Change::Kind;

MacAddress address(std::uint8_t last) { return {{0x02, 0, 0, 0, 0, last}}; }

std::size_t suspicions(const std::vector<Change>& changes) {
  std::size_t count = 0;
  for (const auto& change : changes) count += change.kind == Kind::suspected;
  return count;
}

TEST(Copies, ARotatingAddressIsOneVisitAndNoCopy) {
  Room room(one_zone());
  for (int i = 0; i < 3600; ++i, room.now += 1s) {
    room.presence.step({tag(1), -60, 0, room.now, address(static_cast<std::uint8_t>(i / 15))}, room.changes);
    room.presence.tick(room.now, room.changes);
  }
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::entered, Kind::dwelled));
}

TEST(Copies, AnAddressThatComesBackIsACopy) {
  Room room(one_zone());
  for (int i = 0; i < 20; ++i, room.now += 1s)
    room.presence.step({tag(1), -60, 0, room.now, address(static_cast<std::uint8_t>(i % 2))}, room.changes);
  EXPECT_EQ(suspicions(room.changes), 1u);  // told once
  EXPECT_TRUE(room.presence.here()[0].suspect);
  EXPECT_EQ(room.presence.figures().suspicions, 1u);
  for (int i = 0; i < 700; ++i, room.now += 1s)
    room.presence.step({tag(1), -60, 0, room.now, address(1)}, room.changes);
  EXPECT_FALSE(room.presence.here()[0].suspect);  // the copy is gone: forgiven
}

TEST(Copies, ManyAddressesAtOnceAreCopies) {
  Room room(one_zone());
  for (std::uint8_t i = 0; i < 100; ++i, room.now += 300ms)
    room.presence.step({tag(1), -60, 0, room.now, address(i)}, room.changes);
  EXPECT_EQ(suspicions(room.changes), 1u);
}

// bluetoothd sends each of several broadcasts two seconds in turn, every time from a new address.
TEST(Copies, ABoxWithTwoBroadcastsIsNoCopy) {
  Room room(one_zone());
  for (int i = 0; i < 300; ++i, room.now += 2s)
    for (int k = 0; k < 5; ++k)
      room.presence.step({tag(static_cast<std::uint16_t>(i % 2)),
                          -60,
                          0,
                          room.now + k * 100ms,
                          {{2, 0, 0, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}}},
                         room.changes);
  EXPECT_EQ(suspicions(room.changes), 0u);
}

// A stranger may make identifiers up and send each from two addresses by turns.
TEST(Copies, SuspectStrangersAreNotToldBeyondTheirLimit) {
  Settings settings = one_zone();
  settings.max_strangers = 10;
  Room room(settings);
  for (std::uint16_t i = 0; i < 100; ++i)
    for (int n = 0; n < 20; ++n)
      room.presence.step({tag(i), -90, 0, room.now, address(static_cast<std::uint8_t>(n % 2))}, room.changes);
  EXPECT_EQ(room.presence.figures().suspicions, 100u);
  EXPECT_EQ(suspicions(room.changes), 10u);
  EXPECT_EQ(room.changes.size(), 20u) << "ten seen, ten suspected";
}

TEST(Copies, TwoPlacesAtOnceAreCopiesEvenUnderOneAddress) {
  Room room(one_zone());
  for (int i = 0; i < 10; ++i, room.now += 1s)
    room.presence.step({tag(1), static_cast<std::int8_t>(i % 2 == 0 ? -50 : -90), 0, room.now, address(1)},
                       room.changes);
  EXPECT_EQ(suspicions(room.changes), 1u);
}

TEST(Copies, NoiseOfFourDecibelIsNoCopy) {
  Room room(one_zone());
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise(0, 4);
  for (int i = 0; i < 20'000; ++i, room.now += 200ms)
    room.presence.step({tag(1), static_cast<std::int8_t>(std::lround(-70 + noise(random))), 0, room.now, address(1)},
                       room.changes);
  EXPECT_EQ(suspicions(room.changes), 0u);
}

TEST(Copies, NoAddressIsNoCopy) {
  Room room(one_zone());
  room.hear_for(60s, -60);
  EXPECT_EQ(suspicions(room.changes), 0u);
}

}  // namespace
}  // namespace foyer::presence
