#include "campaign/coupon.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support.hpp"

namespace foyer::campaign {
namespace {

using namespace std::chrono;
using test::at;
using test::seeded;
using test::zone;

constexpr std::string_view kData = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::string_view kAll = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

TEST(CouponCode, IsItsOwnCanonicalForm) {
  const auto random = seeded(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto code = make_code(random);
    ASSERT_EQ(code.size(), 11u);
    EXPECT_EQ(canonical_code(code), code);
    for (const char c : code.substr(0, 10)) EXPECT_NE(kData.find(c), std::string_view::npos);
    seen.insert(code);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(CouponCode, CheckIsTheNumberModulo37) {
  EXPECT_EQ(canonical_code("0000000000"
                           "0"),
            "00000000000");
  EXPECT_EQ(canonical_code("0000000000"
                           "1"),
            std::nullopt);
  EXPECT_EQ(canonical_code("0000000014"
                           "U"),
            "0000000014U");  // 36
  EXPECT_EQ(canonical_code("0000000010"
                           "*"),
            "0000000010*");  // 32
}

TEST(CouponCode, CatchesEverySubstitutionOfOneCharacter) {
  const auto random = seeded(2);
  for (int i = 0; i < 50; ++i) {
    const auto code = make_code(random);
    for (std::size_t place = 0; place < code.size(); ++place)
      for (const char other : kAll) {
        if (other == code[place]) continue;
        auto wrong = code;
        wrong[place] = other;
        EXPECT_EQ(canonical_code(wrong), std::nullopt) << code << " → " << wrong;
      }
  }
}

TEST(CouponCode, CatchesEverySwapOfTwoCharacters) {
  const auto random = seeded(3);
  for (int i = 0; i < 200; ++i) {
    const auto code = make_code(random);
    for (std::size_t one = 0; one < code.size(); ++one)
      for (std::size_t other = one + 1; other < code.size(); ++other) {
        auto wrong = code;
        std::swap(wrong[one], wrong[other]);
        if (wrong == code) continue;
        EXPECT_EQ(canonical_code(wrong), std::nullopt) << code << " → " << wrong;
      }
  }
}

TEST(CouponCode, ForgivesHowPeopleType) {
  EXPECT_EQ(canonical_code("oOoO-oooo oo o"), "00000000000");
  EXPECT_EQ(canonical_code("  000-000001i-L"), std::nullopt);  // 33 has another check
  EXPECT_EQ(canonical_code("000000000il"), canonical_code("00000000011"));
  EXPECT_EQ(canonical_code("0000000014u"), "0000000014U");
  EXPECT_EQ(canonical_code("000000001i~"), "0000000011~");
}

TEST(CouponCode, RefusesWhatIsNone) {
  for (const auto* typed : {"", "-", "0", "0000000000", "000000000000", "U0000000000", "00000 0000!0", "ÄÖÜ"})
    EXPECT_EQ(canonical_code(typed), std::nullopt) << typed;
  EXPECT_EQ(canonical_code(std::string(100'000, '-') + "00000000000"), std::nullopt);
}

TEST(CouponState, NamesGoThereAndBack) {
  for (const auto state :
       {CouponState::issued, CouponState::reserved, CouponState::redeemed, CouponState::expired, CouponState::voided})
    EXPECT_EQ(parse_coupon_state(to_string(state)), state);
  EXPECT_EQ(parse_coupon_state("lost"), std::nullopt);
}

TEST(CouponExpiry, CountsFromTheIssue) {
  Validity valid;
  valid.for_ = hours{7 * 24};
  EXPECT_EQ(expiry(valid, at("2026-11-22T04:00:00.000Z"), zone("Asia/Shanghai")), at("2026-11-29T04:00:00.000Z"));
  valid.end_of_day = true;
  EXPECT_EQ(expiry(valid, at("2026-11-22T04:00:00.000Z"), zone("Asia/Shanghai")), at("2026-11-29T16:00:00.000Z"));
  EXPECT_EQ(expiry(valid, at("2026-11-21T16:00:00.000Z"), zone("Asia/Shanghai")), at("2026-11-28T16:00:00.000Z"));
}

TEST(CouponExpiry, LastsToTheEndOfADay) {
  Validity valid;
  valid.until = 2026y / December / 31;
  EXPECT_EQ(expiry(valid, at("2026-11-22T04:00:00.000Z"), zone("Asia/Shanghai")), at("2026-12-31T16:00:00.000Z"));
  EXPECT_EQ(expiry(valid, at("2026-11-22T04:00:00.000Z"), zone("Europe/Berlin")), at("2026-12-31T23:00:00.000Z"));
  valid.for_ = hours{24};
  EXPECT_EQ(expiry(valid, at("2026-11-22T04:00:00.000Z"), zone("Asia/Shanghai")), at("2026-11-23T04:00:00.000Z"));
  EXPECT_EQ(expiry(valid, at("2026-12-31T04:00:00.000Z"), zone("Asia/Shanghai")), at("2026-12-31T16:00:00.000Z"));
}

TEST(CouponExpiry, IsThirtyDaysWhereNothingIsSaid) {
  const auto issued = at("2026-11-22T04:00:00.000Z");
  EXPECT_EQ(expiry({}, issued, zone("Asia/Shanghai")), issued + days{30});
}

TEST(CouponBeginning, IsTheLaterOfADayAndADelay) {
  const auto issued = at("2026-11-22T04:00:00.000Z");
  Validity valid;
  valid.for_ = hours{24};
  EXPECT_EQ(beginning(valid, issued, zone("Asia/Shanghai")), issued);
  valid.after = hours{2};
  EXPECT_EQ(beginning(valid, issued, zone("Asia/Shanghai")), issued + hours{2});
  EXPECT_EQ(expiry(valid, issued, zone("Asia/Shanghai")), issued + hours{26}) << "for runs from the beginning";
  valid.from = 2026y / December / 1;
  EXPECT_EQ(beginning(valid, issued, zone("Asia/Shanghai")), at("2026-11-30T16:00:00.000Z"));
  EXPECT_EQ(expiry(valid, issued, zone("Asia/Shanghai")), at("2026-12-01T16:00:00.000Z"));
}

TEST(CouponHours, AreThoseOfTheDayTheyBeginOn) {
  WeekHours hours;
  const auto shanghai = zone("Asia/Shanghai");
  EXPECT_TRUE(is_open(hours, at("2026-11-22T04:00:00.000Z"), shanghai));
  hours[1] = {{11 * 60, 14 * 60}};  // Monday lunch
  hours[5] = {{22 * 60, 2 * 60}};   // Friday night
  const struct {
    const char* when;
    bool open;
  } cases[] = {
      {"2026-11-23T02:59:59.000Z", false}, {"2026-11-23T03:00:00.000Z", true},  {"2026-11-23T05:59:59.000Z", true},
      {"2026-11-23T06:00:00.000Z", false}, {"2026-11-24T04:00:00.000Z", false}, {"2026-11-27T14:00:00.000Z", true},
      {"2026-11-27T17:59:00.000Z", true},  {"2026-11-27T18:00:00.000Z", false}, {"2026-11-26T17:00:00.000Z", false}};
  for (const auto& [when, open] : cases) EXPECT_EQ(is_open(hours, at(when), shanghai), open) << when;
  // The hour that Berlin's clocks skip does not come; the one they repeat counts twice.
  WeekHours sunday;
  sunday[0] = {{2 * 60, 3 * 60}};
  EXPECT_FALSE(is_open(sunday, at("2026-03-29T01:00:00.000Z"), zone("Europe/Berlin")));
  EXPECT_TRUE(is_open(sunday, at("2026-10-25T00:30:00.000Z"), zone("Europe/Berlin")));
  EXPECT_TRUE(is_open(sunday, at("2026-10-25T01:30:00.000Z"), zone("Europe/Berlin")));
}

TEST(OwnCode, IsPrintableAndOfAReasonableLength) {
  for (const auto* good : {"ABCD", "spring-2026", "~!@#", "0123456789012345678901234567890123456789"})
    EXPECT_TRUE(is_own_code(good)) << good;
  for (const auto* bad : {"", "ABC", "A BCD", "ÄÖÜß", "01234567890123456789012345678901234567890", "AB\tCD"})
    EXPECT_FALSE(is_own_code(bad)) << bad;
}

}  // namespace
}  // namespace foyer::campaign
