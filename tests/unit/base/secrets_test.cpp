#include <gtest/gtest.h>

#include "base/password.hpp"
#include "base/signature.hpp"

namespace foyer {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> bytes(std::string_view hex) {
  std::array<std::uint8_t, N> out{};
  const auto raw = from_hex(hex).value();
  std::copy(raw.begin(), raw.end(), out.begin());
  return out;
}

TEST(Signature, IsThatOfRfc8032) {  // section 7.1, test 3
  const auto seed = bytes<32>("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  const Bytes message{0xaf, 0x82};
  EXPECT_EQ(to_hex(public_key_of(seed)), "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
  const auto signature = sign(seed, message);
  EXPECT_EQ(to_hex(signature),
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
  EXPECT_TRUE(is_signed_by(public_key_of(seed), message, signature));
  EXPECT_FALSE(is_signed_by(public_key_of(seed), Bytes{0xaf, 0x83}, signature));
  auto wrong = signature;
  wrong[40] ^= 1;
  EXPECT_FALSE(is_signed_by(public_key_of(seed), message, wrong));
  PublicKey none{};
  none.fill(0xff);
  EXPECT_FALSE(is_signed_by(none, message, signature));
}

TEST(Password, IsKnownAgainAndSaltedEachTime) {
  const auto stored = hash_password("1234", kernel_random);
  EXPECT_TRUE(stored.starts_with("scrypt$14$8$1$"));
  EXPECT_TRUE(is_password("1234", stored));
  EXPECT_FALSE(is_password("1235", stored));
  EXPECT_FALSE(is_password("", stored));
  EXPECT_NE(hash_password("1234", kernel_random), stored);
  for (const auto* broken : {"", "scrypt$14$8$1$", "scrypt$14$8$1$00$00", "scrypt$1$1$1$00$00", "1234"})
    EXPECT_FALSE(is_password("1234", broken)) << broken;
}

}  // namespace
}  // namespace foyer
