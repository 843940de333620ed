#include "beacon/eid.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/encoding.hpp"

namespace foyer::beacon {
namespace {

using namespace std::chrono_literals;

AesBlock block(std::string_view hex) {
  AesBlock out{};
  std::ranges::copy(from_hex(hex).value(), out.begin());
  return out;
}

WallTime at(std::int64_t seconds) { return from_unix_ms(seconds * 1000); }

TEST(Aes, Fips197) {
  // FIPS 197, appendix C.1.
  EXPECT_EQ(aes128_block(block("000102030405060708090a0b0c0d0e0f"), block("00112233445566778899aabbccddeeff")),
            block("69c4e0d86a7b0430d8cdb78070b4c55a"));
}

TEST(Eid, SecondStepOfThePublishedVector) {
  // The temporary key b7c2…2210 at t = 1518080946 with K = 12 gives 7dd8169dae94258c: the last block is
  // 0 × 11 | 0c | t with its low 12 bits cleared.
  const auto whole = aes128_block(block("b7c2d909d27d22df8343271162480210"), block("00000000000000000000000c5a7c1000"));
  EXPECT_EQ(to_hex(whole).substr(0, 16), "7dd8169dae94258c");
  EXPECT_EQ(1518080946u >> 12 << 12, 0x5a7c1000u);
}

TEST(Eid, BothStepsBuiltByHand) {
  const auto key = block("00112233445566778899aabbccddeeff");
  const std::uint32_t clock = 0x5a7c17b2;
  const auto temporary = aes128_block(key, block("0000000000000000000000ff00005a7c"));
  const auto whole = aes128_block(temporary, block("00000000000000000000000a5a7c1400"));
  EXPECT_EQ(to_hex(eid_at(key, 10, clock)), to_hex(whole).substr(0, 16));
}

TEST(Eid, StandsForARotationAndThenChanges) {
  const auto key = block("00112233445566778899aabbccddeeff");
  for (std::uint8_t k = 0; k <= 15; ++k) {
    const std::uint32_t begun = 1'700'000'000u >> k << k;
    EXPECT_EQ(eid_at(key, k, begun), eid_at(key, k, begun + (1u << k) - 1));
    EXPECT_NE(eid_at(key, k, begun), eid_at(key, k, begun + (1u << k)));
  }
}

EidKey key(std::string name, std::uint8_t seed, std::uint8_t rotation, std::int64_t offset = 0) {
  EidKey out{std::move(name), {}, rotation, offset};
  out.identity_key.fill(seed);
  return out;
}

TEST(EidResolver, KnowsItsKeysWhateverTheirClock) {
  EidResolver resolver({key("a", 1, 10), key("b", 2, 4, 1'700'000'000), key("c", 3, 0, -5)});
  resolver.advance(at(1'800'000'000));
  const auto name = [&](const Eid& eid) {
    const auto* found = resolver.resolve(eid);
    return found == nullptr ? std::string("-") : found->name;
  };
  EXPECT_EQ(name(eid_at(key("", 1, 0).identity_key, 10, 1'800'000'000)), "a");
  EXPECT_EQ(name(eid_at(key("", 2, 0).identity_key, 4, 100'000'000)), "b");
  EXPECT_EQ(name(eid_at(key("", 3, 0).identity_key, 0, 1'800'000'005)), "c");
  EXPECT_EQ(name(eid_at(key("", 4, 0).identity_key, 10, 1'800'000'000)), "-");
}

TEST(EidResolver, AllowsForDriftAndNoMore) {
  EidResolver resolver({key("a", 1, 4)});  // 16 s
  resolver.advance(at(1'800'000'000));
  const auto ik = key("", 1, 0).identity_key;
  for (const int drift : {-60, -16, 0, 16, 60}) {
    const auto clock = static_cast<std::uint32_t>(1'800'000'000 + drift);
    EXPECT_NE(resolver.resolve(eid_at(ik, 4, clock)), nullptr) << drift;
  }
  for (const int drift : {-100, 100}) {
    const auto clock = static_cast<std::uint32_t>(1'800'000'000 + drift);
    EXPECT_EQ(resolver.resolve(eid_at(ik, 4, clock)), nullptr) << drift;
  }
}

TEST(EidResolver, EnciphersOnlyWhatComesIntoTheWindow) {
  EidResolver resolver({key("a", 1, 10), key("b", 2, 10)});
  resolver.advance(at(1'800'000'000));
  EXPECT_EQ(resolver.enciphered(), 6u);  // three slots of each
  for (int i = 0; i < 1'000; ++i) {
    resolver.resolve({1, 2, 3, 4, 5, 6, 7, static_cast<std::uint8_t>(i)});
    resolver.advance(at(1'800'000'000 + i / 10));
  }
  EXPECT_EQ(resolver.enciphered(), 6u);
  resolver.advance(at(1'800'000'000 + 1024));
  EXPECT_EQ(resolver.enciphered(), 8u);
  EXPECT_EQ(resolver.size(), 6u);
  resolver.advance(at(1'000));  // a clock that jumped: all anew, still right
  EXPECT_NE(resolver.resolve(eid_at(key("", 1, 0).identity_key, 10, 1'000)), nullptr);
}

TEST(EidResolver, AClockThatHasNotBegunOrHasRunOutNamesNothing) {
  EidResolver resolver({key("a", 1, 4, 2'000'000'000), key("b", 2, 4, -4'000'000'000)});
  resolver.advance(at(1'800'000'000));
  EXPECT_EQ(resolver.size(), 0u);
  EidResolver none;
  none.advance(at(1'800'000'000));
  EXPECT_EQ(none.resolve({}), nullptr);
}

TEST(EidResolver, ManyKeysAtOnce) {
  std::vector<EidKey> keys;
  for (int i = 0; i < 300; ++i) keys.push_back(key(std::to_string(i), 0, 0));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i].identity_key[0] = static_cast<std::uint8_t>(i);
    keys[i].identity_key[1] = static_cast<std::uint8_t>(i >> 8);
  }
  EidResolver resolver(keys);
  resolver.advance(at(1'800'000'000));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto* found = resolver.resolve(eid_at(keys[i].identity_key, 0, 1'800'000'000));
    if (i < EidResolver::kMostKeys) {
      ASSERT_NE(found, nullptr) << i;
      EXPECT_EQ(found->name, keys[i].name);
    } else {
      EXPECT_EQ(found, nullptr) << i;
    }
  }
}

}  // namespace
}  // namespace foyer::beacon
