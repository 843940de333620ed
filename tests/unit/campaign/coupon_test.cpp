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

TEST(CouponCode, CatchesSwappedNeighbours) {
  const auto random = seeded(3);
  for (int i = 0; i < 200; ++i) {
    const auto code = make_code(random);
    for (std::size_t place = 0; place + 1 < code.size(); ++place) {
      auto wrong = code;
      std::swap(wrong[place], wrong[place + 1]);
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

}  // namespace
}  // namespace foyer::campaign
