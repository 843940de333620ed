#include "campaign/draw.hpp"
#include "campaign/cautions.hpp"

#include <gtest/gtest.h>

#include <array>

#include "support.hpp"

namespace foyer::campaign {
namespace {

using namespace std::chrono;
using test::at;
using test::seeded;
using test::zone;

const Bytes kKey{1, 2, 3};
const Shopper kHere{"subject", 3, "entrance", false};

Prize prize(std::string id, PrizeKind kind, std::uint32_t weight) {
  Prize made;
  made.id = std::move(id);
  made.kind = kind;
  made.weight = weight;
  return made;
}

Campaign simple() {
  Campaign campaign;
  campaign.id = "lunch";
  campaign.prizes = {prize("a", PrizeKind::coupon, 1), prize("b", PrizeKind::coupon, 3),
                     prize("none", PrizeKind::nothing, 6)};
  return campaign;
}

std::optional<Reason> when(const Schedule& schedule, std::string_view time, const char* place = "Asia/Shanghai") {
  auto campaign = simple();
  campaign.schedule = schedule;
  return refused_by_rules(campaign, kHere, Moment::at(at(time), true, zone(place)));
}

TEST(Rules, LetAnOpenCampaignBe) {
  EXPECT_EQ(refused_by_rules(simple(), kHere, Moment::at(at("2026-11-22T04:00:00.000Z"), false, zone("Asia/Shanghai"))),
            std::nullopt);
}

TEST(Rules, AnswerTheFirstReasonInOrder) {
  auto campaign = simple();
  campaign.paused = true;
  campaign.schedule.from = 2027y / January / 1;
  campaign.where = {{"till"}, 4};
  campaign.who.visits = Visits::returning;
  const auto refused = [&](bool trusted) {
    return refused_by_rules(campaign, kHere,
                            Moment::at(at("2026-11-22T04:00:00.000Z"), trusted, zone("Asia/Shanghai")));
  };
  EXPECT_EQ(refused(false), Reason::paused);
  campaign.paused = false;
  EXPECT_EQ(refused(false), Reason::clock_untrusted);
  EXPECT_EQ(refused(true), Reason::not_started);
  campaign.schedule = {};
  EXPECT_EQ(refused(false), Reason::presence_too_low);
  campaign.where.zones = {"till", "entrance"};
  EXPECT_EQ(refused(true), Reason::presence_too_low);
  campaign.where.presence = 3;
  EXPECT_EQ(refused(true), Reason::not_in_audience);
  campaign.who.visits = Visits::new_;
  EXPECT_EQ(refused(true), std::nullopt);
  campaign.who.any = {"vip"};
  EXPECT_EQ(refused(true), Reason::not_in_audience);
  campaign.who = {};
  campaign.who.none = {"staff"};
  EXPECT_EQ(refused(true), std::nullopt);
}

TEST(Schedule, CountsBothDatesInTheShopsZone) {
  Schedule schedule;
  schedule.from = 2026y / November / 1;
  schedule.until = 2026y / November / 30;
  EXPECT_EQ(when(schedule, "2026-10-31T15:59:59.999Z"), Reason::not_started);
  EXPECT_EQ(when(schedule, "2026-10-31T16:00:00.000Z"), std::nullopt);
  EXPECT_EQ(when(schedule, "2026-11-30T15:59:59.999Z"), std::nullopt);
  EXPECT_EQ(when(schedule, "2026-11-30T16:00:00.000Z"), Reason::expired);
}

TEST(Schedule, LeavesOutDaysAndHours) {
  Schedule schedule;
  schedule.days = 0b0111110;  // Monday to Friday
  schedule.hours = {{11 * 60, 14 * 60}, {17 * 60, 24 * 60}};
  EXPECT_EQ(when(schedule, "2026-11-20T02:59:59.999Z"), Reason::outside_hours);  // Friday
  EXPECT_EQ(when(schedule, "2026-11-20T03:00:00.000Z"), std::nullopt);
  EXPECT_EQ(when(schedule, "2026-11-20T06:00:00.000Z"), Reason::outside_hours);
  EXPECT_EQ(when(schedule, "2026-11-20T15:59:59.999Z"), std::nullopt);
  EXPECT_EQ(when(schedule, "2026-11-21T04:00:00.000Z"), Reason::outside_hours);  // Saturday
}

TEST(Schedule, WindowOverMidnightBelongsToTheDayItBeginsOn) {
  Schedule schedule;
  schedule.from = 2026y / November / 20;
  schedule.until = 2026y / November / 20;
  schedule.days = 0b0100000;  // Friday
  schedule.hours = {{22 * 60, 2 * 60}};
  EXPECT_EQ(when(schedule, "2026-11-19T17:00:00.000Z"), Reason::outside_hours);  // Friday 01:00: Thursday's window
  EXPECT_EQ(when(schedule, "2026-11-20T13:59:59.999Z"), Reason::outside_hours);
  EXPECT_EQ(when(schedule, "2026-11-20T14:00:00.000Z"), std::nullopt);
  EXPECT_EQ(when(schedule, "2026-11-20T17:59:59.999Z"), std::nullopt);  // Saturday 01:59
  EXPECT_EQ(when(schedule, "2026-11-20T18:00:00.000Z"), Reason::expired);
}

TEST(Schedule, GoesByTheClockOnTheWallWhenItIsPutForward) {
  Schedule schedule;
  schedule.hours = {{2 * 60, 3 * 60}};  // an hour that the 29th of March does not have in Berlin
  for (const auto* time : {"2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00.000Z", "2026-03-29T01:30:00.000Z"})
    EXPECT_EQ(when(schedule, time, "Europe/Berlin"), Reason::outside_hours) << time;
  EXPECT_EQ(when(schedule, "2026-03-30T00:30:00.000Z", "Europe/Berlin"), std::nullopt);
}

TEST(Schedule, GoesByTheClockOnTheWallWhenItIsPutBack) {
  Schedule schedule;
  schedule.hours = {{1 * 60, 2 * 60}};  // twice on the 1st of November in New York
  EXPECT_EQ(when(schedule, "2026-11-01T04:59:59.999Z", "America/New_York"), Reason::outside_hours);
  EXPECT_EQ(when(schedule, "2026-11-01T05:00:00.000Z", "America/New_York"), std::nullopt);
  EXPECT_EQ(when(schedule, "2026-11-01T06:59:59.999Z", "America/New_York"), std::nullopt);
  EXPECT_EQ(when(schedule, "2026-11-01T07:00:00.000Z", "America/New_York"), Reason::outside_hours);
}

TEST(Usage, CountsWinsAndDraws) {
  auto campaign = simple();
  campaign.limits.subject_total = 3;
  campaign.limits.subject_day = 1;
  campaign.limits.total = 10;
  campaign.limits.day = 5;
  const auto now = at("2026-11-22T04:00:00.000Z");
  const auto refused = [&](const Usage& usage) { return refused_by_usage(campaign, usage, now); };
  EXPECT_EQ(refused({}), std::nullopt);
  EXPECT_EQ(refused({2, 0, 9, 4, now - 10s, {}}), std::nullopt);
  EXPECT_EQ(refused({3, 1, 10, 5, now - 9999ms, {}}), Reason::interval);
  EXPECT_EQ(refused({3, 0, 10, 5, {}, {}}), Reason::subject_cap);
  EXPECT_EQ(refused({0, 1, 10, 5, {}, {}}), Reason::subject_cap);
  EXPECT_EQ(refused({0, 0, 10, 0, {}, {}}), Reason::campaign_cap);
  EXPECT_EQ(refused({0, 0, 0, 5, {}, {}}), Reason::campaign_cap);
}

TEST(Usage, AClockSetBackDoesNotLockAnyoneOut) {
  auto campaign = simple();
  const auto now = at("2026-11-22T04:00:00.000Z");
  EXPECT_EQ(refused_by_usage(campaign, {0, 0, 0, 0, now + 5s, {}}, now), Reason::interval);
  EXPECT_EQ(refused_by_usage(campaign, {0, 0, 0, 0, now + 1h, {}}, now), std::nullopt);
}

TEST(Usage, IsOutOfStockWhenEveryPrizeIsGone) {
  auto campaign = simple();
  campaign.prizes[0].stock = 1;
  campaign.prizes[1] = prize("packet", PrizeKind::red_packet, 3);
  campaign.prizes[1].count = 2;
  Usage usage;
  usage.issued = {{"a", 1}, {"packet", 1}};
  EXPECT_EQ(refused_by_usage(campaign, usage, {}), std::nullopt);
  usage.issued["packet"] = 2;
  EXPECT_EQ(refused_by_usage(campaign, usage, {}), Reason::out_of_stock);
  campaign.prizes = {prize("none", PrizeKind::nothing, 1)};
  EXPECT_EQ(refused_by_usage(campaign, usage, {}), std::nullopt);  // always lost, never gone
}

/// How often each prize came in `draws`; the last is nothing.
std::array<int, 3> tally(const Campaign& campaign, const Usage& usage, int draws) {
  const auto random = seeded(42);
  std::array<int, 3> counts{};
  for (int i = 0; i < draws; ++i) ++counts[pick(campaign, usage, random).value_or(2)];
  return counts;
}

double chi_square(const std::array<int, 3>& counts, const std::array<double, 3>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double off = counts[i] - expected[i];
    sum += off * off / expected[i];
  }
  return sum;
}

constexpr double kCritical = 13.82;  // chi-square, 2 degrees of freedom, p = 0.001

TEST(Pick, KeepsTheOdds) { EXPECT_LT(chi_square(tally(simple(), {}, 100'000), {10'000, 30'000, 60'000}), kCritical); }

TEST(Pick, NeverReweightsWhenAPrizeIsGone) {
  auto campaign = simple();
  campaign.prizes[1].stock = 5;
  Usage usage;
  usage.issued = {{"b", 5}};
  const auto counts = tally(campaign, usage, 100'000);
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[0], 10'000, 400);
  EXPECT_NEAR(counts[2], 90'000, 400);
}

TEST(Pick, TakesNoPrizeOfWeightNought) {
  auto campaign = simple();
  campaign.prizes[0].weight = 0;
  EXPECT_EQ(tally(campaign, {}, 10'000)[0], 0);
  for (auto& each : campaign.prizes) each.weight = 0;
  EXPECT_EQ(pick(campaign, {}, seeded(1)), std::nullopt);
}

TEST(Order, IsByPriorityThenId) {
  auto high = simple(), low = simple(), later = simple();
  high.priority = 2;
  later.id = "zebra";
  EXPECT_TRUE(before(high, low));
  EXPECT_FALSE(before(low, high));
  EXPECT_TRUE(before(low, later));
  EXPECT_FALSE(before(later, low));
  EXPECT_FALSE(before(low, low));
}

TEST(Holdout, IsTheSameEveryTimeAndOfTheWrittenShare) {
  auto campaign = simple();
  campaign.who.holdout_bp = 500;
  int out = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto subject = fmt::format("subject-{}", i);
    const bool held = held_out(campaign, subject, kKey);
    EXPECT_EQ(held_out(campaign, subject, kKey), held);
    out += held ? 1 : 0;
  }
  EXPECT_NEAR(out, 1000, 130);  // four standard deviations
}

TEST(Holdout, DependsOnCampaignAndKey) {
  auto campaign = simple(), other = simple();
  campaign.who.holdout_bp = other.who.holdout_bp = 5000;
  other.id = "dinner";
  int campaigns = 0, keys = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto subject = fmt::format("subject-{}", i);
    campaigns += held_out(campaign, subject, kKey) != held_out(other, subject, kKey) ? 1 : 0;
    keys += held_out(campaign, subject, kKey) != held_out(campaign, subject, Bytes{9}) ? 1 : 0;
  }
  EXPECT_NEAR(campaigns, 500, 70);
  EXPECT_NEAR(keys, 500, 70);
}

TEST(Reasons, HaveTheNamesOfTheContract) {
  constexpr std::array<std::string_view, 25> kNames{"not_found",        "bad_signature",    "not_started",
                                                    "expired",          "already_redeemed", "reserved_elsewhere",
                                                    "voided",           "wrong_store",      "wrong_holder",
                                                    "min_spend",        "outside_hours",    "subject_cap",
                                                    "campaign_cap",     "out_of_stock",     "interval",
                                                    "presence_too_low", "not_in_audience",  "holdout",
                                                    "consent_missing",  "clock_untrusted",  "paused",
                                                    "nonce_used",       "nonce_expired",    "rate_limited",
                                                    "overloaded"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    EXPECT_EQ(to_string(static_cast<Reason>(i)), kNames[i]);
    EXPECT_EQ(parse_reason(kNames[i]), static_cast<Reason>(i));
  }
  EXPECT_EQ(to_string(Reason::outside_hours), "outside_hours");
  EXPECT_EQ(to_string(Reason::rate_limited), "rate_limited");
  EXPECT_EQ(parse_reason("because"), std::nullopt);
}

TEST(Text, IsTheFirstLanguageThereIs) {
  const Text text{{"en", "door"}, {"zh-CN", "门"}};
  EXPECT_EQ(best_text(text, {"zh-CN", "en"}), "门");
  EXPECT_EQ(best_text(text, {"fr", "en"}), "door");
  EXPECT_EQ(best_text(text, {"fr"}), "door");
  EXPECT_EQ(best_text({}, {"en"}), "");
}

TEST(Cautions, NameACouponThatSeveralShopsTake) {
  auto campaign = simple();
  EXPECT_TRUE(cautions(campaign).empty());
  campaign.prizes[0].redeem_at = {"store-001", "store-001"};
  EXPECT_TRUE(cautions(campaign).empty());
  campaign.prizes[0].redeem_at = {"store-001", "store-002", "store-003"};
  campaign.prizes[0].uses = 2;
  const auto told = cautions(campaign);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("campaign lunch: prizes.a.redeem_at: 3 shops"), std::string::npos);
  EXPECT_NE(told[0].find("6 uses"), std::string::npos);
  campaign.prizes[0].valid.hours[1] = {{0, 60}};
  EXPECT_TRUE(cautions(campaign).empty()) << "it is taken at home alone";
}

}  // namespace
}  // namespace foyer::campaign
