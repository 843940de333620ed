#include "portal/token.hpp"

#include <gtest/gtest.h>

#include "fake_services.hpp"
#include "portal/nonce.hpp"
#include "portal/pass.hpp"

namespace foyer::portal {
namespace {

using namespace std::chrono_literals;
using campaign::Reason;
using test::House;
using test::kNow;

const std::vector<std::string> kZones{"entrance", "food"};

auto check(const std::string& text, WallTime now = kNow, std::string_view store = "store-001") {
  return verify(text, House::keys(), store, kZones, now, 30s);
}
MintedToken make(TokenKind kind, std::string zone = "food", WallTime now = kNow) {
  return mint({kind, "store-001", std::move(zone), 1h}, House::keys(), now, 30s, House::counting());
}

TEST(Token, says_back_what_was_minted_in_at_most_64_characters) {
  for (const auto kind : {TokenKind::poster, TokenKind::screen, TokenKind::receipt, TokenKind::staff}) {
    const auto minted = make(kind);
    EXPECT_LE(minted.text.size(), 64u);
    const auto token = check(minted.text);
    ASSERT_TRUE(token) << to_string(kind);
    EXPECT_EQ(token->kind, kind);
    EXPECT_EQ(token->zone, "food");
    EXPECT_EQ(token->expires, minted.expires);
    EXPECT_EQ(token->hash.size(), 32u);
  }
  EXPECT_EQ(check(make(TokenKind::poster, "").text)->zone, "");
}

TEST(Token, every_single_bit_counts) {
  const auto raw = *from_base64url(make(TokenKind::poster).text);
  for (std::size_t bit = 0; bit < raw.size() * 8; ++bit) {
    auto changed = raw;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto token = check(to_base64url(changed));
    ASSERT_FALSE(token) << "bit " << bit;
    ASSERT_EQ(token.error(), Reason::bad_signature) << "bit " << bit;
  }
}

TEST(Token, is_refused_when_malformed_or_of_another_store_or_key) {
  const auto text = make(TokenKind::poster).text;
  for (const std::string& wrong : {std::string(), std::string("A"), text + "A", text.substr(1), text + "=",
                                   std::string(50, 'A'), std::string(5000, 'A'), "%" + text}) {
    const auto token = check(wrong);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error(), Reason::bad_signature);
  }
  EXPECT_EQ(check(text, kNow, "store-002").error(), Reason::bad_signature);
  auto keys = House::keys();
  keys.current.secret.fill(0x43);
  EXPECT_EQ(verify(text, keys, "store-001", kZones, kNow, 30s).error(), Reason::bad_signature);
}

TEST(Token, of_the_previous_key_counts_for_what_it_signed_in_its_time) {
  auto before = House::keys();
  before.current = before.previous.front();
  before.previous.clear();
  const auto signed_for = [&](std::chrono::hours ttl) {
    return mint({TokenKind::poster, "store-001", "", ttl}, before, kNow, 30s, House::counting()).text;
  };
  EXPECT_TRUE(check(signed_for(2h)));
  EXPECT_EQ(check(signed_for(3h)).error(), Reason::bad_signature) << "a leaked key makes no longer token";
}

TEST(Token, code_for_typing_finds_the_screens_token_again) {
  const auto slot = from_unix_ms(1'763'780'400'000 / 30'000 * 30'000);
  for (const auto& zone : {"", "entrance", "food"}) {
    const auto minted = make(TokenKind::screen, zone, slot + 29s);
    EXPECT_EQ(minted.code.size(), kTypedCode);
    EXPECT_EQ(canonical_typed(minted.code), minted.code);
    const auto found = [&](WallTime now) {
      return screen_token_of(minted.code, House::keys(), "store-001", kZones, now, 30s);
    };
    EXPECT_EQ(found(slot + 29s), minted.text);
    EXPECT_EQ(found(slot + 59s), minted.text);
    EXPECT_FALSE(found(slot + 60s)) << "over";
    EXPECT_FALSE(found(slot - 1s)) << "not yet";
    EXPECT_FALSE(screen_token_of(minted.code, House::keys(), "store-002", kZones, slot, 30s));
  }
}

TEST(Token, code_for_typing_is_read_as_people_write_it) {
  EXPECT_EQ(canonical_typed(" 0ab1-cdeF "), "0AB1CDEF");
  EXPECT_EQ(canonical_typed("oab i\tcdel"), "0AB1CDE1");
  for (const char* wrong : {"", "ABCDEFG", "ABCDEFGHJ", "ABCDEFGU", "ABCD_FGH", "ABCDEFG\xc3"})
    EXPECT_FALSE(canonical_typed(wrong)) << wrong;
}

TEST(Token, body_is_signed_anew_by_the_key_it_names_and_no_other) {
  const auto minted = make(TokenKind::receipt);
  EXPECT_EQ(token_of(body_of(minted.text), House::keys()), minted.text);
  auto keys = House::keys();
  keys.current.id = 9;
  EXPECT_EQ(token_of(body_of(minted.text), keys), "");
  EXPECT_EQ(token_of(body_of("x"), House::keys()), "");
}

TEST(Pass, names_its_session_and_every_bit_counts) {
  const std::string session = "00112233445566778899aabbccddeeff";
  const auto text = make_pass(House::keys(), session);
  EXPECT_TRUE(looks_like_pass(text));
  EXPECT_EQ(session_of_pass(House::keys(), text, kNow), session);
  const auto raw = *from_base64url(text);
  for (std::size_t bit = 0; bit < raw.size() * 8; ++bit) {
    auto changed = raw;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    ASSERT_FALSE(session_of_pass(House::keys(), to_base64url(changed), kNow)) << "bit " << bit;
  }
  EXPECT_FALSE(looks_like_pass(make(TokenKind::poster).text));
  EXPECT_FALSE(session_of_pass(House::keys(), make(TokenKind::poster).text, kNow));
  auto rotated = House::keys();
  rotated.previous.insert(rotated.previous.begin(), rotated.current);
  rotated.previous.front().until = kNow + 1h;
  rotated.current = {7, {}, {}};
  EXPECT_EQ(session_of_pass(rotated, text, kNow), session);
  EXPECT_FALSE(session_of_pass(rotated, text, kNow + 1h));
}

TEST(Token, expires_to_the_second) {
  const auto minted = make(TokenKind::receipt);
  EXPECT_TRUE(check(minted.text, minted.expires - 1ms));
  EXPECT_EQ(check(minted.text, minted.expires).error(), Reason::expired);
}

TEST(Token, of_a_screen_lives_for_its_slot_and_the_next) {
  const auto slot = from_unix_ms(1'763'780'400'000 / 30'000 * 30'000);
  const auto minted = make(TokenKind::screen, "food", slot + 29s);
  EXPECT_TRUE(check(minted.text, slot));
  EXPECT_TRUE(check(minted.text, slot + 59s));
  EXPECT_EQ(check(minted.text, slot + 60s).error(), Reason::expired);
  EXPECT_EQ(check(minted.text, slot - 1s).error(), Reason::expired);
  EXPECT_EQ(make(TokenKind::screen, "food", slot).text, minted.text) << "two displays of a zone show the same code";
  EXPECT_NE(make(TokenKind::screen, "food", slot + 30s).text, minted.text);
  EXPECT_NE(make(TokenKind::screen, "entrance", slot).text, minted.text);
}

const std::vector<std::string> kAlice{"alice-today", "alice-yesterday"}, kBob{"bob"};

TEST(Nonce, is_its_holders_own_for_a_minute_of_one_session) {
  const auto keys = nonce_keys(House::keys());
  const auto nonce = make_nonce(keys.front(), "alice-today", "s1", kNow, House::counting());
  EXPECT_EQ(nonce.size(), kNonceLength);
  EXPECT_TRUE(check_nonce(keys, nonce, kAlice, "s1", kNow + 59s));
  EXPECT_EQ(check_nonce(keys, nonce, kAlice, "s1", kNow + 60s).error(), Reason::nonce_expired);
  EXPECT_EQ(check_nonce(keys, nonce, kAlice, "s2", kNow).error(), Reason::nonce_expired) << "another session";
  EXPECT_EQ(check_nonce(keys, nonce, kBob, "s1", kNow).error(), Reason::wrong_holder);
  EXPECT_EQ(check_nonce(keys, nonce, kBob, "s1", kNow + 60s).error(), Reason::wrong_holder);
  EXPECT_EQ(nonce_hash(nonce).size(), 32u);
  const auto older = make_nonce(keys.front(), "alice-yesterday", "s1", kNow, House::counting());
  EXPECT_TRUE(check_nonce(keys, older, kAlice, "s1", kNow)) << "the key of names was renewed meanwhile";
}

TEST(Nonce, is_known_after_the_secret_was_rotated) {
  auto keys = House::keys();
  const auto nonce = make_nonce(nonce_keys(keys).front(), "alice-today", "s1", kNow, House::counting());
  keys.previous.insert(keys.previous.begin(), std::exchange(keys.current, TokenKeys::Key{3, {}, {}}));
  EXPECT_TRUE(check_nonce(nonce_keys(keys), nonce, kAlice, "s1", kNow));
  keys.previous.erase(keys.previous.begin());
  EXPECT_EQ(check_nonce(nonce_keys(keys), nonce, kAlice, "s1", kNow).error(), Reason::bad_signature);
}

TEST(Nonce, every_single_bit_counts) {
  const auto keys = nonce_keys(House::keys());
  const auto raw = *from_base64url(make_nonce(keys.front(), "alice-today", "s1", kNow, House::counting()));
  for (std::size_t bit = 0; bit < raw.size() * 8; ++bit) {
    auto changed = raw;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto checked = check_nonce(keys, to_base64url(changed), kAlice, "s1", kNow);
    ASSERT_FALSE(checked) << "bit " << bit;
    ASSERT_EQ(checked.error(), Reason::bad_signature) << "bit " << bit;
  }
  EXPECT_EQ(check_nonce(keys, "", kAlice, "s1", kNow).error(), Reason::bad_signature);
  EXPECT_EQ(check_nonce(keys, std::string(5000, 'x'), kAlice, "s1", kNow).error(), Reason::bad_signature);
}

}  // namespace
}  // namespace foyer::portal
