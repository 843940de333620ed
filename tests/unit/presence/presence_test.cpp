#include "presence/presence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "room.hpp"

namespace foyer::presence {
namespace {

using testing::ElementsAre;
using Kind = Change::Kind;

TEST(Presence, EntersOnTheThirdStrongSample) {
  Room room(one_zone());
  room.hear(-60);
  room.hear(-60);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen));
  room.hear(-60);
  ASSERT_EQ(room.changes.size(), 1u);
  EXPECT_EQ(room.changes[0].kind, Kind::entered);
  EXPECT_EQ(room.changes[0].zone, "entrance");
  EXPECT_EQ(room.changes[0].visit, 1u);
  EXPECT_EQ(room.changes[0].rssi, -60);
}

TEST(Presence, OneReflectionNeitherLetsInNorThrowsOut) {
  Room room(one_zone());
  for (const int rssi : {-90, -90, -30, -90, -90, -90}) room.hear(rssi);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen));
  room.hear_for(10s, -60);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::entered));
  room.hear(-110);
  room.hear(-110);
  room.hear_for(20s, -60);
  EXPECT_THAT(room.kinds(), ElementsAre());
}

TEST(Presence, BetweenExitAndEnterNothingChanges) {
  Room room(one_zone());
  room.hear_for(2min, -73);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen));
  room.hear_for(10s, -65);
  room.hear_for(2min, -73);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::entered, Kind::dwelled));
}

TEST(Presence, DwellsOnceAndLeavesWithItsDwellBySilence) {
  Room room(one_zone());
  room.hear_for(63s, -60);  // enters on the third, at 2 s; last heard at 62 s
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::entered, Kind::dwelled));
  room.silence(43s);
  EXPECT_THAT(room.kinds(), ElementsAre());
  room.silence(2s);
  ASSERT_EQ(room.changes.size(), 1u);
  EXPECT_EQ(room.changes[0].kind, Kind::left);
  EXPECT_EQ(room.changes[0].dwell, 60s);  // not the silence
  EXPECT_EQ(room.changes[0].visit, 1u);
  EXPECT_TRUE(room.presence.here().empty());
}

TEST(Presence, SilenceIsNoDwelling) {
  Room room(one_zone());
  room.hear_for(20s, -60);
  room.silence(40s);
  room.hear(-60);  // still the same visit, and now 30 s are proved
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::entered, Kind::dwelled));
}

TEST(Presence, LeavesWhenWeakForTheHoldAndNotBefore) {
  Room room(one_zone());
  room.hear_for(10s, -60);
  room.hear_for(6s, -90);  // smoothing sees it for somewhat longer
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::entered));
  room.hear_for(10s, -60);  // came back in time
  EXPECT_THAT(room.kinds(), ElementsAre());
  room.hear_for(30s, -90);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::left));  // 30 s and more after entering, but strong for less than 30
}

TEST(Presence, ComingBackIsANewVisit) {
  Room room(one_zone());
  room.hear_for(10s, -60);
  room.silence(50s);
  room.hear(-60);
  room.hear(-60);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::entered, Kind::left));  // old samples are forgotten
  room.hear(-60);
  ASSERT_EQ(room.changes.size(), 1u);
  EXPECT_EQ(room.changes[0].visit, 2u);
}

TEST(Presence, LostAndSeenAgain) {
  Room room(one_zone());
  room.hear(-90);
  room.silence(179s);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen));
  room.silence(1s);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::lost));
  EXPECT_EQ(room.presence.figures().identifiers, 0u);
  room.hear(-90);
  room.now += 5min;  // no tick came in between
  room.hear(-90);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::lost, Kind::seen));
}

TEST(Presence, WhileDeafNobodyGoes) {
  Room room(one_zone());
  room.hear_for(10s, -60);
  room.kinds();
  room.presence.freeze(room.now);
  room.silence(1h);
  room.presence.freeze(room.now);  // again: nothing
  EXPECT_THAT(room.kinds(), ElementsAre());
  EXPECT_EQ(room.presence.here().size(), 1u);
  room.presence.thaw(room.now);
  room.presence.thaw(room.now);
  room.silence(40s);
  EXPECT_THAT(room.kinds(), ElementsAre());
  room.silence(10s);
  ASSERT_EQ(room.changes.size(), 1u);
  EXPECT_EQ(room.changes[0].kind, Kind::left);
  EXPECT_EQ(room.changes[0].dwell, 7s);
}

TEST(Presence, TheSilenceBeforeDeafnessWasKnownIsHeldAgainstNobody) {
  Room room(one_zone());
  room.hear_for(10s, -60);
  room.hear(-60, tag(2));
  room.kinds();
  room.silence(40s);
  room.presence.freeze(room.now, 40s);
  room.silence(1h);
  room.presence.thaw(room.now);
  room.silence(43s);
  EXPECT_THAT(room.kinds(), ElementsAre()) << "as much of exit_after is left as before the silence";
  room.silence(2s);
  ASSERT_EQ(room.changes.size(), 1u);
  EXPECT_EQ(room.changes[0].kind, Kind::left);
  EXPECT_EQ(room.changes[0].dwell, 7s) << "as before the silence";
}

TEST(Presence, WhoWasSilentBeforeTheRadioWasIsCreditedOnlyTheRadiosSilence) {
  Room room(one_zone());
  room.hear_for(10s, -60);
  room.silence(40s);
  room.kinds();
  room.presence.freeze(room.now, 10s);
  room.presence.thaw(room.now);
  room.silence(14s);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::left));
}

TEST(Presence, ZonesByNameAndTheRestBySignal) {
  Settings settings = one_zone();
  settings.zones.push_back({"till", {{kTags, 7, {}}}, -70, -76, 30s, 45s});
  Room room(settings);
  room.hear_for(3s, -60, tag(1, 7));
  room.hear_for(3s, -60, tag(1, 8));
  std::vector<std::string> zones;
  for (const auto& change : room.changes)
    if (change.kind == Kind::entered) zones.push_back(change.zone);
  EXPECT_THAT(zones, ElementsAre("till", "entrance"));
}

TEST(Presence, WithoutStrengthOnlyANamedZoneIsEnteredAndHearingKeepsAlive) {
  Settings settings = one_zone();
  settings.zones.push_back({"till", {{kTags, 7, 1}}, -70, -76, 30s, 45s});
  Room room(settings);
  room.hear_for(1min, Advert::kNoRssi, tag(1, 8));
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen));
  room.hear(Advert::kNoRssi, tag(1, 7));
  room.hear(Advert::kNoRssi, tag(1, 7));
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen));
  room.hear_for(1min, Advert::kNoRssi, tag(1, 7));
  ASSERT_GE(room.changes.size(), 1u);
  EXPECT_EQ(room.changes[0].rssi, Advert::kNoRssi);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::entered, Kind::dwelled));
  room.silence(45s);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::left));
}

TEST(Presence, AHearingWithoutStrengthKeepsAVisitAliveAndIsNoSample) {
  Room room(one_zone());
  room.hear_for(10s, -60);
  room.hear_for(5min, Advert::kNoRssi);
  EXPECT_EQ(room.presence.here().size(), 1u);
  EXPECT_EQ(room.presence.here()[0].rssi, -60);
  EXPECT_EQ(room.presence.figures().samples, 10u);
}

TEST(Presence, OwnBroadcastsAreNotSeen) {
  Room room(one_zone());
  room.presence.set_own([](const beacon::Identifier& id) { return id.beacon_id().major == 1; });
  room.hear_for(10s, -40);
  EXPECT_THAT(room.kinds(), ElementsAre());
  EXPECT_EQ(room.presence.figures().own, 10u);
  EXPECT_EQ(room.presence.figures().identifiers, 0u);
}

TEST(Presence, AFullTableLetsTheLeastRecentlyHeardGo) {
  Settings settings = one_zone();
  settings.max_identifiers = 3;
  Room room(settings);
  room.hear_for(5s, -60, tag(1));
  room.hear(-90, tag(2));
  room.hear(-90, tag(3));
  room.hear(-90, tag(2));
  room.hear(-60, tag(1));
  room.kinds();
  room.hear(-90, tag(4));  // 3 goes
  ASSERT_EQ(room.changes.size(), 2u);
  EXPECT_EQ(room.changes[0].kind, Kind::lost);
  EXPECT_EQ(room.changes[0].id, tag(3));
  room.kinds();
  room.hear(-90, tag(5));
  room.hear(-90, tag(6));  // 1 goes, which is in the zone
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::lost, Kind::seen, Kind::left, Kind::lost, Kind::seen));
  EXPECT_EQ(room.presence.figures().evictions, 3u);
  EXPECT_EQ(room.presence.figures().identifiers, 3u);
}

TEST(Presence, AFloodOfIdentifiersDoesNotGrowTheTable) {
  Settings settings = one_zone();
  settings.max_identifiers = 1000;
  Room room(settings);
  std::mt19937 random(7);
  std::size_t memory = 0;
  for (int i = 0; i < 100'000; ++i) {
    room.hear(-60, {kTags, static_cast<std::uint16_t>(random()), static_cast<std::uint16_t>(random())});
    room.changes.clear();
    if (i == 2000) memory = room.presence.figures().memory;
  }
  EXPECT_EQ(room.presence.figures().identifiers, 1000u);
  EXPECT_EQ(room.presence.figures().memory, memory);
}

TEST(Presence, ReconfiguringKeepsTheVisitsOfZonesThatStay) {
  Settings settings = one_zone();
  settings.zones.push_back({"till", {{kTags, 7, {}}}, -70, -76, 30s, 45s});
  Room room(settings);
  room.hear_for(5s, -60, tag(1, 7));
  room.hear_for(5s, -60, tag(1, 8));
  room.kinds();
  settings.zones.erase(settings.zones.begin());
  settings.zones[0].dwell = 5s;
  settings.max_identifiers = 0;  // at least one is held
  room.presence.configure(settings, room.changes);
  ASSERT_GE(room.changes.size(), 1u);
  EXPECT_EQ(room.changes[0].zone, "entrance");
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::left, Kind::left, Kind::lost));
}

TEST(Presence, ReconfiguringCarriesAVisitOn) {
  Settings settings = one_zone();
  Room room(settings);
  room.hear_for(10s, -60);
  room.kinds();
  settings.zones.insert(settings.zones.begin(), {"till", {{kTags, 7, {}}}, -70, -76, 30s, 45s});
  room.presence.configure(settings, room.changes);
  EXPECT_THAT(room.kinds(), ElementsAre());
  ASSERT_EQ(room.presence.here().size(), 1u);
  EXPECT_EQ(room.presence.here()[0].zone, "entrance");
  room.hear_for(30s, -60);
  room.silence(1min);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::dwelled, Kind::left));
}

// ---- learned intervals -----------------------------------------------------------------------------------------

TEST(Presence, ARareAdvertiserIsGivenFourOfItsIntervals) {
  Room room(one_zone());
  for (int i = 0; i < 12; ++i) room.hear(-60), room.silence(30s);  // its interval: 30 s
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::entered, Kind::dwelled));
  EXPECT_EQ(room.presence.here()[0].interval, 30s);
  room.silence(80s);  // 110 s unheard, more than the 45 s of the zone
  EXPECT_THAT(room.kinds(), ElementsAre());
  room.silence(15s);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::left));
}

TEST(Presence, AUsualAdvertiserIsNotStretched) {
  Room room(one_zone());
  room.hear_for(60s, -60);
  room.kinds();
  room.silence(43s);
  EXPECT_THAT(room.kinds(), ElementsAre());
  room.silence(2s);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::left));
}

TEST(Presence, StretchingHasAnEnd) {
  Settings settings = one_zone();
  settings.zones[0].exit_after = 5s;
  settings.lost_after = 1h;
  Room room(settings);
  for (int i = 0; i < 40; ++i) room.hear(-60), room.now += 35s, room.presence.tick(room.now, room.changes);
  room.kinds();
  room.silence(10min);  // 140 s would be four intervals; eight times five seconds are 40
  for (const auto& here : room.presence.here()) ADD_FAILURE() << to_string(here.id);
}

TEST(Presence, WhatIsMissedIsCountedByTheLearnedInterval) {
  Room room(one_zone());
  for (int i = 0; i < 100; ++i) room.hear(-60), room.now += 100ms;
  EXPECT_EQ(room.presence.figures().missing, 0u);
  for (int i = 0; i < 10; ++i) room.hear(-60), room.now += 200ms;  // every second one
  EXPECT_GE(room.presence.figures().missing, 8u);
  EXPECT_LE(room.presence.figures().missing, 10u);
}

TEST(Presence, TwoAdaptersHearingOneAdvertTeachNoInterval) {
  Room room(one_zone());
  for (int i = 0; i < 50; ++i) {
    room.hear(-60);
    room.presence.step({tag(1), -64, 1, room.now + 1ms}, room.changes);
    room.now += 1s;
  }
  EXPECT_NEAR(static_cast<double>(room.presence.here()[0].interval->count()), 1000, 5);
}

// ---- whose it is -----------------------------------------------------------------------------------------------

TEST(Presence, RolesAreByName) {
  Settings settings = one_zone();
  settings.staff = {{kTags, 7, {}}};
  settings.assets = {{kTags, 8, 1}};
  Room room(settings);
  for (int i = 0; i < 3; ++i, room.now += 1s)
    room.hear(-60, tag(1)), room.hear(-60, tag(1, 7)), room.hear(-60, tag(1, 8));
  std::vector<Role> roles;
  for (const auto& here : room.presence.here()) roles.push_back(here.role);
  EXPECT_THAT(roles, ElementsAre(Role::shopper, Role::staff, Role::asset));
  EXPECT_EQ(room.presence.figures().here, 3u);
  EXPECT_EQ(room.presence.figures().shoppers, 1u);
}

TEST(Presence, BySignalOnlyWhereTheZoneSaysSo) {
  Settings settings = one_zone();
  settings.zones.push_back({"till", {{kTags, 7, {}}}, -70, -76, 30s, 45s, true});
  settings.zones.push_back({"qr", {}, -70, -76, 30s, 45s, false});
  Room room(settings);
  room.hear_for(4s, -60, tag(1, 8));
  std::vector<std::string> zones;
  for (const auto& here : room.presence.here()) zones.push_back(here.zone);
  EXPECT_THAT(zones, ElementsAre("entrance", "till"));
}

TEST(Presence, StrangersAreNotMoreThanAShopHolds) {
  Settings settings = one_zone();
  settings.max_strangers = 10;
  settings.zones.push_back({"till", {{kTags, 7, {}}}, -70, -76, 30s, 45s});
  Room room(settings);
  for (std::uint16_t i = 0; i < 100; ++i)
    for (int n = 0; n < 3; ++n) room.hear(-60, tag(i));
  for (int n = 0; n < 3; ++n) room.hear(-60, tag(1, 7));  // named: always
  std::map<Kind, int> count;
  for (const auto& change : room.changes) ++count[change.kind];
  EXPECT_EQ(count[Kind::seen], 11);
  EXPECT_EQ(count[Kind::entered], 11);
  EXPECT_EQ(room.presence.figures().held_back, 180u);
  room.changes.clear();
  room.silence(4min);
  count.clear();
  for (const auto& change : room.changes) ++count[change.kind];
  EXPECT_EQ(count[Kind::lost], 11);  // those that were told as seen
}

TEST(Presence, DistanceIsAGuessFromMeasuredPower) {
  Room room(one_zone());
  for (int i = 0; i < 3; ++i) room.presence.step({tag(1), -59, 0, room.now, {}, -59}, room.changes);
  EXPECT_NEAR(*room.presence.here()[0].distance_m, 1.0, 0.01);
  for (int i = 0; i < 3; ++i) room.presence.step({tag(2), -69, 0, room.now, {}, 0}, room.changes);  // says none
  EXPECT_NEAR(*room.presence.here()[1].distance_m, std::pow(10, 0.4), 0.01);
}

TEST(Presence, HowOneWasHeardLately) {
  Room room(one_zone());
  EXPECT_FALSE(room.presence.heard(tag(1)));
  room.hear_for(5s, -60);
  room.silence(10s);
  const auto heard = room.presence.heard(tag(1));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->hearings, 5u);
  EXPECT_EQ(heard->ago, 11s);
  EXPECT_EQ(heard->zone, "entrance");
}

/// A shopper comes, stays an hour right at the border in 4 dB of noise, and goes: one in, one out.
class Border : public testing::TestWithParam<std::tuple<double, unsigned>> {};

TEST_P(Border, AnHourWithNoiseIsOneVisit) {
  const auto [border, seed] = GetParam();
  Room room(one_zone());
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, 4);
  const auto walk = [&](std::chrono::milliseconds time, double from, double to) {
    for (auto t = 0ms; t < time; t += 200ms, room.now += 200ms) {
      const double share = static_cast<double>(t.count()) / static_cast<double>(time.count());
      room.hear(static_cast<int>(std::lround(from + (to - from) * share + noise(random))));
      room.presence.tick(room.now, room.changes);
    }
  };
  walk(10s, -95, -62);
  walk(1h, border, border);
  walk(20s, border, -95);
  walk(1min, -95, -95);
  EXPECT_THAT(room.kinds(), ElementsAre(Kind::seen, Kind::entered, Kind::dwelled, Kind::left));
}

INSTANTIATE_TEST_SUITE_P(Noise, Border,
                         testing::Combine(testing::Values(-70.0, -73.0), testing::Values(1u, 2u, 3u, 4u, 5u)));

}  // namespace
}  // namespace foyer::presence
