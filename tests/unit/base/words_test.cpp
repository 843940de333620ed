#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/event.hpp"
#include "base/money.hpp"
#include "base/net.hpp"
#include "base/pseudonym.hpp"
#include "base/result.hpp"
#include "base/session.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "base/uuid.hpp"

namespace foyer {
namespace {

using namespace std::chrono_literals;

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::refuse, "{} is odd", n);
  return n / 2;
}

TEST(Result, CarriesAValueOrWhyNot) {
  EXPECT_EQ(half(4).value(), 2);
  const auto odd = half(3).context("split the bill");
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, Code::refuse);
  EXPECT_EQ(odd.error().message, "split the bill: 3 is odd");
  const Result<std::string> other = fail(odd);
  EXPECT_EQ(other.error().message, odd.error().message);
}

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("500ms").value(), 500ms);
  EXPECT_EQ(parse_duration("30s").value(), 30s);
  EXPECT_EQ(parse_duration("45m").value(), 45min);
  EXPECT_EQ(parse_duration("2h").value(), 2h);
  EXPECT_EQ(parse_duration("7d").value(), 168h);
  for (const auto* bad :
       {"", "s", "-1s", "1.5h", "30", "30 sec", "1h30m", "99999999999999999999s", "9223372036854775807d"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(2h), "2h");
  EXPECT_EQ(format_duration(0ms), "0ms");
}

TEST(Units, SizesRatesPercentages) {
  EXPECT_EQ(parse_size("256 MiB").value(), 268435456u);
  EXPECT_EQ(parse_size("2GiB").value(), 2147483648u);
  EXPECT_FALSE(parse_size("256 MB"));
  EXPECT_EQ(parse_rate("20 Mbit/s").value(), 20'000'000u);
  EXPECT_FALSE(parse_rate("20 MB/s"));
  EXPECT_EQ(parse_percent("5%").value(), 500u);
  EXPECT_EQ(parse_percent("0.25%").value(), 25u);
  EXPECT_EQ(parse_percent("100%").value(), 10'000u);
  for (const auto* bad : {"5", "%", "-1%", "101%", "1.234%", ".5%", "1000%", "5 %"})
    EXPECT_FALSE(parse_percent(bad)) << bad;
}

TEST(Money, IsExact) {
  EXPECT_EQ(parse_money("10.00", "CNY").value(), (Money{1000, "CNY"}));
  EXPECT_EQ(parse_money("10.5", "CNY").value().minor, 1050);
  EXPECT_EQ(parse_money("300", "JPY").value().minor, 300);
  EXPECT_EQ(parse_money("1.234", "KWD").value().minor, 1234);
  for (const auto* bad : {"", "-1", "1.", ".5", "1e3", "1.001", "1,00", "92233720368547758.08", "0x10"})
    EXPECT_FALSE(parse_money(bad, "CNY")) << bad;
  EXPECT_FALSE(parse_money("1.5", "JPY"));
  EXPECT_FALSE(parse_money("1", "cny"));
  EXPECT_EQ(format_amount({1050, "CNY"}), "10.50");
  EXPECT_EQ(format_amount({5, "CNY"}), "0.05");
  EXPECT_EQ(format_amount({300, "JPY"}), "300");
  EXPECT_EQ(format_amount({-1050, "EUR"}), "-10.50");
}

TEST(Encoding, RoundTripsAndRefuses) {
  std::mt19937 engine(7);
  for (int n = 0; n < 100; ++n) {
    Bytes bytes(static_cast<std::size_t>(n));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(engine());
    EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
  EXPECT_EQ(to_base64url(as_bytes("foobar")), "Zm9vYmFy");  // RFC 4648 section 10
  EXPECT_EQ(to_base64url(as_bytes("fo")), "Zm8");
  for (const auto* bad : {"Zm8=", "Zm9", "Z", "Zm8+", "Zm 8"}) EXPECT_FALSE(from_base64url(bad)) << bad;
  for (const auto* bad : {"0", "0g", "0x"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Crypto, KnownAnswers) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231 case 2
  EXPECT_TRUE(constant_time_equal(as_bytes("ab"), as_bytes("ab")));
  EXPECT_FALSE(constant_time_equal(as_bytes("ab"), as_bytes("ac")));
  EXPECT_FALSE(constant_time_equal(as_bytes("ab"), as_bytes("abc")));
}

TEST(Crypto, RandomBelowIsUniform) {
  std::mt19937_64 engine(1);
  const Random random = [&engine](std::span<std::uint8_t> out) {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine());
  };
  std::array<int, 6> counts{};
  constexpr int kRuns = 60'000;
  for (int i = 0; i < kRuns; ++i) ++counts[random_below(random, 6)];
  double chi = 0;
  for (const int count : counts) chi += (count - kRuns / 6.0) * (count - kRuns / 6.0) / (kRuns / 6.0);
  EXPECT_LT(chi, 20.5);  // 5 degrees of freedom, p = 0.001
  EXPECT_EQ(random_below(random, 1), 0u);
}

TEST(Crypto, KernelRandomFillsEverything) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_hex(kernel_random, 16));
  EXPECT_EQ(seen.size(), 100u);
}

TEST(Pseudonyms, MeanNothingWithoutTheKey) {
  Pseudonyms::Key one{}, two{};
  two[0] = 1;
  const auto mac = parse_mac("02:00:00:00:00:01").value();
  const auto name = Pseudonyms(one).name("phone", mac.bytes);
  EXPECT_EQ(name.size(), 20u);
  EXPECT_EQ(name, Pseudonyms(one).name("phone", mac.bytes));
  EXPECT_NE(name, Pseudonyms(two).name("phone", mac.bytes));
  EXPECT_NE(name, Pseudonyms(one).name("beacon", mac.bytes));
  EXPECT_EQ(to_base32(as_bytes("foobar")), "csqpyrk1e8");  // Crockford's alphabet over RFC 4648's sample
}

TEST(Net, Addresses) {
  EXPECT_EQ(to_string(parse_mac("AA:bb:0c:DD:ee:0f").value()), "aa:bb:0c:dd:ee:0f");
  for (const auto* bad : {"", "aa:bb:cc:dd:ee", "aa-bb-cc-dd-ee-ff", "aa:bb:cc:dd:ee:fg", "aa:bb:cc:dd:ee:ff:"})
    EXPECT_FALSE(parse_mac(bad)) << bad;
  EXPECT_EQ(to_string(parse_ip("::ffff:10.0.0.1").value()), "10.0.0.1");
  EXPECT_EQ(parse_ip("::ffff:10.0.0.1").value(), parse_ip("10.0.0.1").value());
  EXPECT_EQ(to_string(parse_ip("FE80::1").value()), "fe80::1");
  for (const auto* bad : {"", "1.2.3", "1.2.3.4.5", "[::1]", "fe80::1%eth0", "host"})
    EXPECT_FALSE(parse_ip(bad)) << bad;
  EXPECT_TRUE(is_loopback(parse_ip("127.9.9.9").value()));
  EXPECT_TRUE(is_loopback(parse_ip("::1").value()));
  EXPECT_FALSE(is_loopback(parse_ip("10.0.0.1").value()));
  const auto prefix = parse_prefix("10.77.0.1/20").value();
  EXPECT_TRUE(contains(prefix, parse_ip("10.77.15.255").value()));
  EXPECT_FALSE(contains(prefix, parse_ip("10.77.16.0").value()));
  EXPECT_FALSE(contains(prefix, parse_ip("::1").value()));
  for (const auto* bad : {"10.0.0.1", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/-1", "::/129"})
    EXPECT_FALSE(parse_prefix(bad)) << bad;
}

TEST(Uuid, RoundTrips) {
  const auto* text = "fda50693-a4e2-4fb1-afcf-c6eb07647825";
  EXPECT_EQ(to_string(parse_uuid(text).value()), text);
  for (const auto* bad : {"", "fda50693a4e24fb1afcfc6eb07647825", "fda50693-a4e2-4fb1-afcf-c6eb0764782",
                          "fda50693-a4e2-4fb1-afcf-c6eb0764782g"})
    EXPECT_FALSE(parse_uuid(bad)) << bad;
}

TEST(Time, Rfc3339RoundTrips) {
  for (const std::int64_t ms : {0LL, 1'771'000'000'123LL, 4'102'444'800'000LL})
    EXPECT_EQ(unix_ms(parse_rfc3339(to_rfc3339(from_unix_ms(ms))).value()), ms);
  EXPECT_EQ(to_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_TRUE(parse_rfc3339("2026-11-22T02:30:34Z"));
  for (const auto* bad : {"", "2026-11-22", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
                          "2026-11-22T02:30:34+08:00", "2026-11-22T02:30:34Zx"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Words, NamesRoundTrip) {
  for (const auto stream : kStreams) EXPECT_EQ(parse_stream(to_string(stream)), stream);
  for (const auto way : {Way::link, Way::code, Way::pair, Way::staff, Way::operator_, Way::pass})
    EXPECT_EQ(parse_way(to_string(way)), way);
  EXPECT_FALSE(parse_stream("x"));
  EXPECT_FALSE(parse_way("x"));
}

}  // namespace
}  // namespace foyer
