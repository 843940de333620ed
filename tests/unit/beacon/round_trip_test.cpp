#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "beacon/decode.hpp"
#include "beacon/identifier.hpp"
#include "support/frames.hpp"

/// Whatever is encoded by the specification is decoded as what it was: random frames of every format.
namespace foyer::beacon {
namespace {

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  Frame frame(std::size_t format) {
    switch (format) {
      case 0: {
        IBeacon f;
        fill(f.id.uuid.bytes);
        f.id.major = number<std::uint16_t>();
        f.id.minor = number<std::uint16_t>();
        f.measured_power = number<std::int8_t>();
        return f;
      }
      case 1: {
        AltBeacon f;
        f.company = number<std::uint16_t>();
        fill(f.id);
        f.measured_power = number<std::int8_t>();
        f.reserved = number<std::uint8_t>();
        return f;
      }
      case 2: {
        EddystoneUid f;
        fill(f.name_space);
        fill(f.instance);
        f.tx_power = number<std::int8_t>();
        return f;
      }
      case 3: return url();
      case 4: {
        EddystoneTlm f;
        f.battery_mv = number<std::uint16_t>();
        const auto temperature = number<std::int16_t>();
        if (temperature != INT16_MIN) f.temperature = temperature;
        f.adv_count = number<std::uint32_t>();
        f.uptime_ds = number<std::uint32_t>();
        return f;
      }
      case 5: {
        EddystoneEtlm f;
        fill(f.ciphertext);
        fill(f.salt);
        fill(f.check);
        return f;
      }
      default: {
        EddystoneEid f;
        fill(f.eid);
        f.tx_power = number<std::int8_t>();
        return f;
      }
    }
  }

 private:
  template <class T>
  T number() {
    return static_cast<T>(random_());
  }
  template <std::size_t N>
  void fill(std::array<std::uint8_t, N>& bytes) {
    for (auto& byte : bytes) byte = number<std::uint8_t>();
  }
  EddystoneUrl url() {
    static constexpr std::array<std::string_view, 4> kSchemes{"http://www.", "https://www.", "http://", "https://"};
    static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-_~?=&%#";
    static constexpr std::array<std::string_view, 8> kTops{".com", ".org", ".edu", ".net", ".info", ".biz", ".gov", ""};
    std::string text(kSchemes[random_() % 4]);
    const auto letters = 1 + random_() % 12;
    // "www." behind a scheme without it would be another code: no letter run begins with it, as no dot is in kLetters.
    for (std::size_t i = 0; i < letters; ++i) text += kLetters[random_() % kLetters.size()];
    text += kTops[random_() % 8];
    if (random_() % 2 == 0) text += "/";
    EddystoneUrl f;
    std::copy(text.begin(), text.end(), f.text.begin());
    f.size = static_cast<std::uint8_t>(text.size());
    f.tx_power = number<std::int8_t>();
    return f;
  }

  std::mt19937 random_;
};

class RoundTrip : public testing::TestWithParam<std::size_t> {};

TEST_P(RoundTrip, EncodedIsDecoded) {
  Maker make(static_cast<unsigned>(GetParam()) + 1);
  for (int i = 0; i < 5'000; ++i) {
    const auto sent = make.frame(GetParam());
    Advert advert;
    ASSERT_TRUE(advert.append(0x01, std::array<std::uint8_t, 1>{0x06}));
    ASSERT_TRUE(test::append(advert, sent));
    std::vector<Frame> got;
    ASSERT_FALSE(for_each_frame(advert.data(), [&](const Frame& frame) { got.push_back(frame); }));
    ASSERT_EQ(got.size(), 1u) << to_hex(advert.data());
    ASSERT_EQ(got[0], sent) << to_hex(advert.data());
    EXPECT_LE(advert.size, 31) << "does not fit a legacy advert";
  }
}

/// Cut anywhere, it is malformed or nothing, and never another frame.
TEST_P(RoundTrip, CutShortIsNeverAFrame) {
  Maker make(static_cast<unsigned>(GetParam()) + 100);
  for (int i = 0; i < 200; ++i) {
    Advert advert;
    ASSERT_TRUE(test::append(advert, make.frame(GetParam())));
    for (std::size_t size = 1; size < advert.size; ++size) {
      std::size_t frames = 0;
      EXPECT_TRUE(for_each_frame(advert.data().first(size), [&](const Frame&) { ++frames; }));
      EXPECT_EQ(frames, 0u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundTrip, testing::Range(std::size_t{0}, std::variant_size_v<Frame>));

TEST(Identifier, OfEveryFormatThatHasOne) {
  const auto uuid = parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value();
  const BeaconId id{uuid, 258, 65534};
  EXPECT_EQ(identifier_of(IBeacon{id, -59}), Identifier(id));
  EXPECT_EQ(Identifier(id).beacon_id(), id);
  EXPECT_EQ(to_string(Identifier(id)), to_string(id));
  AltBeacon alt;
  alt.id.fill(0xAB);
  EXPECT_EQ(to_string(*identifier_of(alt)), "abababababababababababababababababababab");
  EddystoneUid uid;
  uid.name_space.fill(1);
  uid.instance.fill(2);
  EXPECT_EQ(to_string(*identifier_of(uid)), "01010101010101010101/020202020202");
  EXPECT_EQ(to_string(Identifier::of_eid("till-1")), "eid/till-1");
  EXPECT_EQ(to_string(Identifier::of_eid("12345678901234567890")), "eid/12345678901234567890");
  EXPECT_FALSE(identifier_of(EddystoneEid{}));
  EXPECT_FALSE(identifier_of(EddystoneTlm{}));
}

TEST(Identifier, PowerOfZeroOrMoreWasNeverMeasured) {
  EXPECT_EQ(measured_power(IBeacon{{}, -59}), -59);
  EXPECT_EQ(measured_power(IBeacon{{}, 0}), 0);
  EXPECT_EQ(measured_power(IBeacon{{}, 12}), 0);
  EddystoneUid uid;
  uid.tx_power = -18;
  EXPECT_EQ(measured_power(uid), -59);  // 41 dB from 0 m to 1 m
  EXPECT_EQ(measured_power(EddystoneTlm{}), 0);
}

}  // namespace
}  // namespace foyer::beacon
