#include "campaign/coupon_seal.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace foyer::campaign {
namespace {

using namespace std::chrono_literals;
using test::at;

SignatureSeed seed_of(std::uint8_t value) {
  SignatureSeed seed{};
  seed.fill(value);
  return seed;
}

std::vector<ShopKey> chain() {
  return {{"store-001", public_key_of(seed_of(1))}, {"store-002", public_key_of(seed_of(2))}};
}

Coupon coupon() {
  Coupon out;
  out.id = "00112233445566778899aabbccddeeff";
  out.code = "0000000014U";
  out.campaign = "lunch-draw";
  out.prize = "ten-off";
  out.benefit = {BenefitKind::amount_off, Money{1000, "CNY"}, 0, Money{500'000'000, "CNY"}, {}};
  out.uses = 300;
  out.uses_left = 299;
  out.interval = 3600s;
  out.redeem_at = {"store-001", "store-002"};
  out.starts_at = at("2026-11-22T04:00:00.000Z");
  out.expires_at = at("2026-12-22T04:00:00.000Z");
  return out;
}

TEST(CouponSeal, CarriesWhatAnotherShopNeeds) {
  const auto text = seal(coupon(), "store-001", seed_of(1));
  EXPECT_TRUE(looks_sealed(text));
  EXPECT_LT(text.size(), 280u) << "a QR code of version 9 at most";
  for (const char c : text)
    EXPECT_NE(std::string_view("0123456789ABCDEFGHJKMNPQRSTVWXYZ:").find(c), std::string_view::npos);
  const auto opened = open_seal(text, chain());
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->issuer, "store-001");
  EXPECT_EQ(opened->id, coupon().id);
  EXPECT_EQ(opened->campaign, "lunch-draw");
  EXPECT_EQ(opened->prize, "ten-off");
  EXPECT_EQ(opened->benefit, coupon().benefit);
  EXPECT_EQ(opened->uses, 300u);
  EXPECT_EQ(opened->interval, 3600s);
  EXPECT_EQ(opened->starts_at, coupon().starts_at);
  EXPECT_EQ(opened->expires_at, coupon().expires_at);
  const auto taken = coupon_of(*opened, "store-002", coupon().starts_at);
  EXPECT_EQ(taken.redeem_at, std::vector<std::string>{"store-002"});
  EXPECT_EQ(taken.uses_left, 300u);
  EXPECT_NE(coupon_of(*opened, "store-003", coupon().starts_at).redeem_at, std::vector<std::string>{"store-003"});
}

TEST(CouponSeal, EveryKindOfBenefitGoesThereAndBack) {
  for (const auto& benefit :
       {Benefit{BenefitKind::percent_off, {}, 1250, {}, {}},
        Benefit{BenefitKind::percent_off, {}, 10'000, Money{1, "EUR"}, {}}, Benefit{BenefitKind::gift, {}, 0, {}, {}},
        Benefit{BenefitKind::exchange, {}, 0, Money{99, "USD"}, {}}, Benefit{BenefitKind::stamp, {}, 0, {}, {}},
        Benefit{BenefitKind::amount_off, Money{1, "JPY"}, 0, {}, {}}}) {
    auto one = coupon();
    one.benefit = benefit;
    const auto opened = open_seal(seal(one, "store-001", seed_of(1)), chain());
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->benefit, benefit);
  }
}

TEST(CouponSeal, NoChangeOfOneCharacterPasses) {
  const auto text = seal(coupon(), "store-001", seed_of(1));
  const auto keys = chain();
  for (std::size_t place = 2; place < text.size(); ++place) {
    auto wrong = text;
    wrong[place] = text[place] == '0' ? '1' : '0';
    EXPECT_FALSE(open_seal(wrong, keys)) << place;
  }
  EXPECT_FALSE(open_seal(text.substr(0, text.size() - 1), keys));
  EXPECT_FALSE(open_seal(text + "0", keys));
}

TEST(CouponSeal, OnlyTheChainsKeysCount) {
  EXPECT_EQ(open_seal(seal(coupon(), "store-001", seed_of(9)), chain()).error(), Reason::bad_signature);
  EXPECT_EQ(open_seal(seal(coupon(), "store-001", seed_of(1)), {}).error(), Reason::bad_signature);
  EXPECT_EQ(open_seal(seal(coupon(), "store-002", seed_of(2)), chain())->issuer, "store-002");
}

TEST(CouponSeal, ACouponWithHoursNamesItsHomeAlone) {
  auto one = coupon();
  one.hours[1] = {{11 * 60, 14 * 60}};
  const auto opened = open_seal(seal(one, "store-001", seed_of(1)), chain());
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->stores, std::vector<std::uint32_t>{store_tag("store-001")});
}

TEST(CouponSeal, RefusesWhatIsNone) {
  for (const auto* text : {"", "F", "F:", "f:0", "F:0000", "G:0000", "F:U", "F: "})
    EXPECT_FALSE(open_seal(text, chain())) << text;
  EXPECT_FALSE(open_seal("F:" + std::string(100'000, '0'), chain()));
  // Signed, and still no seal: what follows the key is cut short.
  const auto good = seal(coupon(), "store-001", seed_of(1));
  EXPECT_FALSE(looks_sealed("0000000014U"));
  EXPECT_TRUE(looks_sealed("f:abc")) << "a scanner may send small letters";
  std::string small;
  for (const char c : good) small += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  EXPECT_TRUE(open_seal(small, chain()));
}

}  // namespace
}  // namespace foyer::campaign
