#include "campaign/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "campaign/offer.hpp"
#include "campaign/red_packet.hpp"
#include "support.hpp"

namespace foyer::campaign {
namespace {

using Numbers = std::vector<std::optional<std::uint64_t>>;

// Wilson 1927 and Newcombe 1998 (Statistics in Medicine 17, pages 857 and 873): their worked figures.
TEST(Statistics, IntervalsAreThoseOfTheLiterature) {
  const auto one = share(81, 263);
  EXPECT_NEAR(one.low, 0.2553, 1e-4);
  EXPECT_NEAR(one.high, 0.3662, 1e-4);
  EXPECT_NEAR(share(0, 20).high, 0.1611, 1e-4);
  EXPECT_EQ(share(0, 20).low, 0);
  const auto both = lift(56, 70, 48, 80);
  ASSERT_TRUE(both);
  EXPECT_NEAR(both->value, 0.2, 1e-9);
  EXPECT_NEAR(both->low, 0.0524, 1e-4);
  EXPECT_NEAR(both->high, 0.3339, 1e-4);
  EXPECT_FALSE(lift(1, 2, 0, 0));
}

TEST(Statistics, FewAreNotShownNorWhatGivesThemAway) {
  EXPECT_EQ(suppress({12, 30}, 10).parts, (Numbers{12, 30}));
  EXPECT_EQ(suppress({0, 30}, 10).parts, (Numbers{0, 30})) << "nobody is no secret";
  const auto one = suppress({3, 30, 12}, 10);
  EXPECT_EQ(one.parts, (Numbers{std::nullopt, 30, std::nullopt})) << "else 45 - 30 - 12 is 3";
  EXPECT_EQ(one.sum, 45u);
  EXPECT_EQ(suppress({3, 4, 30}, 10).parts, (Numbers{std::nullopt, std::nullopt, 30}));
  const auto alone = suppress({3}, 10);
  EXPECT_EQ(alone.parts, Numbers{std::nullopt});
  EXPECT_EQ(alone.sum, std::nullopt);
  const auto nobody_else = suppress({3, 0, 0}, 10);
  EXPECT_EQ(nobody_else.sum, std::nullopt);
  EXPECT_EQ(nobody_else.parts[0], std::nullopt);
  EXPECT_EQ(suppress({}, 10).sum, 0u);
  EXPECT_EQ(suppress({1, 1}, 1).parts, (Numbers{1, 1}));
}

TEST(RedPackets, EveryPlaceIsLuckiestEquallyOftenOver60000Runs) {
  constexpr std::uint32_t kPackets = 10;
  constexpr int kRuns = 60'000;
  constexpr std::int64_t kTotal = 10'000, kFloor = 50;
  const auto random = test::seeded(2026);
  std::array<double, kPackets> luckiest{};
  for (int run = 0; run < kRuns; ++run) {
    const auto packets = split_red_packets(kTotal, kPackets, kFloor, random);
    std::int64_t sum = 0, most = 0;
    for (const auto packet : packets) {
      ASSERT_GE(packet, kFloor);
      sum += packet;
      most = std::max(most, packet);
    }
    ASSERT_EQ(sum, kTotal);
    const auto shared = std::ranges::count(packets, most);
    for (std::size_t i = 0; i < packets.size(); ++i)
      if (packets[i] == most) luckiest[i] += 1.0 / static_cast<double>(shared);
  }
  double chi = 0;
  constexpr double kExpected = kRuns / static_cast<double>(kPackets);
  for (const auto n : luckiest) chi += (n - kExpected) * (n - kExpected) / kExpected;
  EXPECT_LT(chi, 27.88);  // chi-square, 9 degrees of freedom, p = 0.001
  RecordProperty("chi_square", std::to_string(chi));
}

// With many cents the cuts alone make the places alike; with few, equal cuts are rarer in the middle. Without the
// shuffle the middle place is luckiest in 4 of 9 runs.
TEST(RedPackets, TheShuffleMakesPlacesAlikeAlsoWhereCentsAreFew) {
  constexpr int kRuns = 30'000;
  const auto random = test::seeded(2026);
  std::array<double, 3> luckiest{};
  for (int run = 0; run < kRuns; ++run) {
    const auto packets = split_red_packets(5, 3, 1, random);
    const auto most = *std::ranges::max_element(packets);
    const auto shared = std::ranges::count(packets, most);
    for (std::size_t i = 0; i < packets.size(); ++i)
      if (packets[i] == most) luckiest[i] += 1.0 / static_cast<double>(shared);
  }
  double chi = 0;
  for (const auto n : luckiest) chi += (n - kRuns / 3.0) * (n - kRuns / 3.0) / (kRuns / 3.0);
  EXPECT_LT(chi, 13.82);  // chi-square, 2 degrees of freedom, p = 0.001
}

TEST(House, LimitsOffersByCapsAndQuietHours) {
  const auto noon = Moment::at(test::at("2026-11-22T04:00:00.000Z"), true, test::zone("Asia/Shanghai"));
  OfferRules rules{3, 100, {{22 * 60, 8 * 60}, {12 * 60 + 1, 13 * 60}}};
  EXPECT_EQ(refused_by_house(rules, {2, 99}, noon), std::nullopt);
  EXPECT_EQ(refused_by_house(rules, {3, 0}, noon), Reason::subject_cap);
  EXPECT_EQ(refused_by_house(rules, {0, 100}, noon), Reason::campaign_cap);
  auto later = noon;
  later.local.minute = 12 * 60 + 59;
  EXPECT_EQ(refused_by_house(rules, {}, later), Reason::outside_hours);
  later.local.minute = 7 * 60 + 59;
  EXPECT_EQ(refused_by_house(rules, {}, later), Reason::outside_hours);
  later.local.minute = 8 * 60;
  EXPECT_EQ(refused_by_house(rules, {}, later), std::nullopt);
  later.clock_trusted = false;
  EXPECT_EQ(refused_by_house(rules, {}, later), Reason::clock_untrusted);
  rules.quiet.clear();
  EXPECT_EQ(refused_by_house(rules, {}, later), std::nullopt);
}

TEST(Trigger, NamesGoThereAndBack) {
  for (std::size_t i = 0; i < kTriggers; ++i)
    EXPECT_EQ(parse_trigger(to_string(static_cast<Trigger>(i))), static_cast<Trigger>(i));
  EXPECT_EQ(parse_trigger("tap"), std::nullopt);
}

}  // namespace
}  // namespace foyer::campaign
