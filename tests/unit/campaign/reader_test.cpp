#include "campaign/reader.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace foyer::campaign {
namespace {

constexpr std::string_view kFull = R"({
  "id": "lunch-draw", "title": {"zh-CN": "午市抽奖", "en": "Lunch \"draw\""}, "trigger": "purchase",
  "schedule": {"from": "2026-11-01", "until": "2026-12-31", "days": ["mon", "sun"], "hours": ["11:00-14:00", "22:30-02:00", "00:00-24:00"]},
  "where": {"zones": ["entrance", "till"], "presence": 3},
  "who": {"segments": {"any": ["vip"], "none": ["staff"]}, "visits": "returning", "holdout": "0.25%"},
  "limits": {"per_subject": {"total": 3, "day": 1}, "total": 1000, "day": 100, "interval": "0s"},
  "prizes": {
    "z-first": {"kind": "coupon", "weight": 1, "stock": 100, "title": {"en": "Ten"},
                "benefit": {"kind": "amount_off", "amount": "10.00", "currency": "CNY", "min_spend": "50"},
                "valid": {"for": "7d", "end_of_day": true, "until": "2027-01-31"}, "uses": 3, "interval": "1h", "redeem_at": ["store-001"]},
    "percent": {"kind": "coupon", "weight": 2, "benefit": {"kind": "percent_off", "percent": "12.5%"}},
    "gift": {"kind": "coupon", "benefit": {"kind": "gift", "item": {"en": "Tea"}, "currency": "JPY", "min_spend": "500"}},
    "swap": {"kind": "coupon", "benefit": {"kind": "exchange", "item": {"en": "Cup"}}, "stock": 0},
    "a-stamp": {"kind": "coupon", "benefit": {"kind": "stamp", "item": {"en": "Coffee"}}},
    "packet": {"kind": "red_packet", "weight": 1, "total": "100.00", "currency": "CNY", "count": 200, "at_least": "0.50"},
    "none": {"kind": "nothing", "weight": 8}},
  "priority": -10, "exclusive": "lunch", "paused": true})";

std::string texts(const Faults& faults) {
  std::string all;
  for (const auto& fault : faults) all += to_string(fault) + "\n";
  return all;
}

/// The faults of a JSON text, a line each.
std::string refused(std::string_view text) {
  const auto read = parse_campaign_json(text, "mqtt");
  return read ? "accepted" : texts(read.error());
}

TEST(CampaignJson, ReadsEveryKey) {
  const auto read = parse_campaign_json(kFull, "mqtt");
  ASSERT_TRUE(read) << texts(read.error());
  EXPECT_EQ(read->trigger, Trigger::purchase);
  EXPECT_EQ(read->schedule.days, 0b0000011);
  EXPECT_EQ(read->schedule.hours, (std::vector<Hours>{{660, 840}, {1350, 120}, {0, 1440}}));
  EXPECT_EQ(read->who.holdout_bp, 25u);
  EXPECT_EQ(read->limits.interval.count(), 0);
  ASSERT_EQ(read->prizes.size(), 7u);
  EXPECT_EQ(read->prizes[0].id, "z-first");  // as written, not sorted
  EXPECT_EQ(read->prizes[0].benefit.amount, (Money{1000, "CNY"}));
  EXPECT_EQ(read->prizes[0].benefit.min_spend, (Money{5000, "CNY"}));
  EXPECT_EQ(read->prizes[1].benefit.percent_bp, 1250u);
  EXPECT_EQ(read->prizes[2].benefit.min_spend, (Money{500, "JPY"}));
  EXPECT_EQ(read->prizes[5].total, (Money{10'000, "CNY"}));
  EXPECT_EQ(read->prizes[5].at_least_minor, 50);
  EXPECT_TRUE(read->paused);
}

TEST(CampaignJson, GoesThereAndBack) {
  const auto read = parse_campaign_json(kFull, "mqtt");
  ASSERT_TRUE(read);
  const auto again = parse_campaign_json(to_json(*read), "ledger");
  ASSERT_TRUE(again) << texts(again.error()) << to_json(*read);
  EXPECT_EQ(*again, *read) << to_json(*read);
  EXPECT_EQ(to_json(*again), to_json(*read));
}

TEST(CampaignJson, NeedsLittle) {
  const auto read = parse_campaign_json(R"({"id": "c", "prizes": {"none": {"kind": "nothing"}}})", "mqtt");
  ASSERT_TRUE(read) << texts(read.error());
  EXPECT_EQ(read->title, (Text{{"en", "c"}}));
  EXPECT_EQ(read->trigger, Trigger::shake);
  EXPECT_TRUE(read->schedule.unlimited());
  EXPECT_EQ(read->limits, Limits{});
  const auto again = parse_campaign_json(to_json(*read), "ledger");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *read);
}

TEST(CampaignJson, NamesAFaultByItsPointer) {
  EXPECT_EQ(refused(R"({"id": "c", "prizes": {"none": {"kind": "nothing", "wieght": 2}}, "limits": {"day": "5"}})"),
            "mqtt: /limits/day: must be a whole number from 1 to 1000000000 without quotes, not \"5\"\n"
            "mqtt: /prizes/none/wieght: is not a known key; did you mean weight?\n");
  EXPECT_EQ(
      refused(R"({"id": "c", "prizes": {"none": {"kind": "nothing"}}, "where": {"zones": ["a", {}]}})"),
      "mqtt: /where/zones/1: must be a name of 1 to 64 letters, digits, dots, dashes and underscores, not a map\n");
  EXPECT_EQ(refused(R"({"id": "c", "prizes": {"none": {"kind": "nothing"}}, "a/b~c": 1})").substr(0, 16),
            "mqtt: /a~1b~0c: ");
}

TEST(CampaignJson, RefusesDuplicateKeys) {
  EXPECT_EQ(refused(R"({"id": "c", "id": "d", "prizes": {"none": {"kind": "nothing"}}})"),
            "mqtt: /id: is given twice\n");
}

TEST(CampaignJson, RefusesWhatIsNotJson) {
  for (const auto* text : {"", " ", "{", "{\"id\": }", "{} {}", "nul", "{\"id\": \"\xff\"}", "[1,]"})
    EXPECT_NE(refused(text).find("is not JSON"), std::string::npos) << text << refused(text);
  EXPECT_EQ(refused("null"), "mqtt: is empty; give it keys or leave it out\n");
  EXPECT_EQ(refused("[]"), "mqtt: must be a map, not a list\n");
  EXPECT_EQ(refused("1e999999"), "mqtt: is not JSON (RFC 8259): wrong at byte 8\n");
}

TEST(CampaignJson, HasLimits) {
  EXPECT_EQ(refused(std::string(60'000, '[')), "mqtt: is nested deeper than 16 levels\n");
  EXPECT_EQ(refused("[" + std::string(65'536, ' ') + "]"), "mqtt: is larger than 64 KiB\n");
  std::string many = "[0";
  for (int i = 0; i < 30'000; ++i) many += ",0";
  EXPECT_EQ(refused(many + "]"), "mqtt: has more than 20000 values\n");
}

TEST(CampaignJson, SaysTheFirstHundredFaults) {
  std::string many = R"({"id": "c", "prizes": {"none": {"kind": "nothing"}})";
  for (int i = 0; i < 150; ++i) many += fmt::format(", \"unknown-{}\": 1", i);
  const auto read = parse_campaign_json(many + "}", "mqtt");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().size(), 101u);
  EXPECT_EQ(read.error().back().what, "and 50 more faults");
}

/// Never a crash and never a campaign that could not be stored and read again, whatever was changed.
TEST(CampaignJson, EndsWellForEveryTruncationAndChange) {
  int accepted = 0;
  const auto check = [&](const std::string& text) {
    const auto read = parse_campaign_json(text, "mqtt");
    if (!read) {
      EXPECT_FALSE(read.error().empty());
      return;
    }
    ++accepted;
    const auto again = parse_campaign_json(to_json(*read), "ledger");
    ASSERT_TRUE(again) << text << texts(again.error());
    EXPECT_EQ(*again, *read) << text;
  };
  const std::string full(kFull);
  for (std::size_t i = 0; i < full.size(); ++i) check(full.substr(0, i));
  EXPECT_EQ(accepted, 0);
  for (std::size_t i = 0; i < full.size(); ++i)
    for (const char c : {'0', '9', '"', '}', '[', ',', ' ', '\0', '\xff', '-'}) {
      auto changed = full;
      changed[i] = c;
      check(changed);
    }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace foyer::campaign
