#include "beacon/decode.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "beacon/encode.hpp"

namespace foyer::beacon {
namespace {

std::vector<Frame> frames(std::string_view hex) {
  std::vector<Frame> found;
  const auto bytes = from_hex(hex).value();
  EXPECT_FALSE(for_each_frame(bytes, [&](const Frame& frame) { found.push_back(frame); })) << hex;
  return found;
}

/// One AD structure from its type and value.
std::string structure(std::string_view type, std::string_view value) {
  const auto length = static_cast<std::uint8_t>(value.size() / 2 + 1);
  return to_hex({&length, 1}) + std::string(type) + std::string(value);
}

TEST(IBeacon, PublicVectorCompanyAndValue) {
  const auto found = frames(structure("ff", "4c000215426c7565436861726d426561636f6e730efe1355c5"));
  ASSERT_EQ(found.size(), 1u);
  const auto& beacon = std::get<IBeacon>(found[0]);
  EXPECT_EQ(to_string(beacon.id.uuid), "426c7565-4368-6172-6d42-6561636f6e73");
  EXPECT_EQ(beacon.id.major, 3838);
  EXPECT_EQ(beacon.id.minor, 4949);
  EXPECT_EQ(beacon.measured_power, -59);
}

TEST(IBeacon, PublicVectorHciReport) {
  // The advertising data of the event 043E2A02010001433EA2C96B6A1E…B3: 1E bytes, then RSSI B3.
  const auto found = frames("02011A1AFF4C000215E2C56DB5DFFB48D2B060D0F5A71096E000640000C5");
  ASSERT_EQ(found.size(), 1u);
  const auto& beacon = std::get<IBeacon>(found[0]);
  EXPECT_EQ(to_string(beacon.id.uuid), "e2c56db5-dffb-48d2-b060-d0f5a71096e0");
  EXPECT_EQ(beacon.id.major, 100);
  EXPECT_EQ(beacon.id.minor, 0);
  EXPECT_EQ(beacon.measured_power, -59);
}

TEST(IBeacon, TwoAppleStructuresAreTwoFrames) {
  const std::string one = "1aff4c000215fda50693a4e24fb1afcfc6eb0764782500010002c5";
  const std::string two = "1aff4c000215fda50693a4e24fb1afcfc6eb0764782500010003c5";
  const auto found = frames(one + two);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(std::get<IBeacon>(found[0]).id.minor, 2);
  EXPECT_EQ(std::get<IBeacon>(found[1]).id.minor, 3);
}

TEST(IBeacon, OtherAppleTypesAndShortOnesAreNone) {
  EXPECT_TRUE(frames(structure("ff", "4c0010055b1cfe2d4e")).empty());                                  // Nearby
  EXPECT_TRUE(frames(structure("ff", "4c000215fda50693a4e24fb1afcfc6eb0764782500010002")).empty());    // no power
  EXPECT_TRUE(frames(structure("ff", "4c000216fda50693a4e24fb1afcfc6eb0764782500010002c5")).empty());  // length 16
  EXPECT_TRUE(frames(structure("ff", "4d000215fda50693a4e24fb1afcfc6eb0764782500010002c5")).empty());  // company
  EXPECT_TRUE(frames(structure("fe", "4c000215fda50693a4e24fb1afcfc6eb0764782500010002c5")).empty());  // AD type
}

TEST(IBeacon, EncodedIsDecodedAgain) {
  const IBeacon beacon{{parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value(), 0x0102, 0xfffe}, -128};
  EXPECT_EQ(to_hex(company_value(beacon)), "0215fda50693a4e24fb1afcfc6eb076478250102fffe80");
  const auto data = advertising_data(beacon);
  EXPECT_EQ(to_hex(data), "0201061aff4c000215fda50693a4e24fb1afcfc6eb076478250102fffe80");
  EXPECT_EQ(frames(to_hex(data)), std::vector<Frame>{beacon});
}

TEST(AltBeacon, AnyCompany) {
  const auto found = frames(structure("ff", "1801beac0102030405060708090a0b0c0d0e0f1011121314c37f"));
  ASSERT_EQ(found.size(), 1u);
  const auto& beacon = std::get<AltBeacon>(found[0]);
  EXPECT_EQ(beacon.company, 0x0118);
  EXPECT_EQ(to_hex(beacon.id), "0102030405060708090a0b0c0d0e0f1011121314");
  EXPECT_EQ(beacon.measured_power, -61);
  EXPECT_EQ(beacon.reserved, 0x7f);
  EXPECT_TRUE(frames(structure("ff", "1801beac0102030405060708090a0b0c0d0e0f1011121314c3")).empty());
  EXPECT_TRUE(frames(structure("ff", "1801beab0102030405060708090a0b0c0d0e0f1011121314c37f")).empty());
}

TEST(Eddystone, UidWithAndWithoutReservedBytes) {
  const std::string head =
      "aafe00e7"
      "00112233445566778899"
      "aabbccddeeff";
  for (const auto* tail : {"", "0000"}) {
    const auto found = frames("0303aafe" + structure("16", head + tail));
    ASSERT_EQ(found.size(), 1u) << tail;
    const auto& uid = std::get<EddystoneUid>(found[0]);
    EXPECT_EQ(to_hex(uid.name_space), "00112233445566778899");
    EXPECT_EQ(to_hex(uid.instance), "aabbccddeeff");
    EXPECT_EQ(uid.tx_power, -25);
  }
  EXPECT_TRUE(frames(structure("16", head + "00")).empty());
}

TEST(Eddystone, UrlExpandsItsCodes) {
  const auto url = [](std::string_view rest) -> std::string {
    const auto found = frames(structure("16", "aafe10ee" + std::string(rest)));
    return found.empty() ? "" : std::string(std::get<EddystoneUrl>(found[0]).url());
  };
  EXPECT_EQ(url("03676f6f676c65"
                "00"),
            "https://google.com/");
  EXPECT_EQ(url("00"
                "61"
                "0d"
                "2f7e"),
            "http://www.a.gov/~");
  EXPECT_EQ(url("0261"), "http://a");
  EXPECT_EQ(url("01"
                "0404040404040404040404040404040404")
                .size(),
            EddystoneUrl::kMaxUrl);
}

TEST(Eddystone, UrlWithReservedCodesIsLeftOut) {
  for (const auto* bad : {"0461", "030e", "0320", "037f", "03ff", "03",  // codes, nothing behind
                          "03616161616161616161616161616161616161"})     // 18 bytes
    EXPECT_TRUE(frames(structure("16", std::string("aafe10ee") + bad)).empty()) << bad;
}

TEST(Eddystone, Telemetry) {
  const auto found = frames(structure("16",
                                      "aafe2000"
                                      "0bb8"
                                      "1680"
                                      "00000102"
                                      "00000e10"));
  ASSERT_EQ(found.size(), 1u);
  const auto& tlm = std::get<EddystoneTlm>(found[0]);
  EXPECT_EQ(tlm.battery_mv, 3000);
  EXPECT_EQ(tlm.temperature, 0x1680);
  EXPECT_EQ(tlm.adv_count, 258u);
  EXPECT_EQ(tlm.uptime_ds, 3600u);
  EXPECT_TRUE(frames(structure("16",
                               "aafe2002"
                               "0bb8"
                               "1680"
                               "00000102"
                               "00000e10"))
                  .empty());  // another version
  EXPECT_TRUE(std::holds_alternative<EddystoneEtlm>(frames(structure("16",
                                                                     "aafe2001"
                                                                     "0102030405060708090a0b0c"
                                                                     "aabb"
                                                                     "ccdd"))
                                                        .at(0)));
}

TEST(Eddystone, EphemeralIdentifier) {
  const auto found = frames(structure("16",
                                      "aafe30f6"
                                      "7dd8169dae94258c"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(to_hex(std::get<EddystoneEid>(found[0]).eid), "7dd8169dae94258c");
  EXPECT_EQ(std::get<EddystoneEid>(found[0]).tx_power, -10);
  EXPECT_TRUE(frames(structure("16",
                               "abfe30f6"
                               "7dd8169dae94258c"))
                  .empty());  // another service
}

TEST(Walk, EndsEarlyAtAZeroLength) {
  const std::string beacon = "1aff4c000215fda50693a4e24fb1afcfc6eb0764782500010002c5";
  EXPECT_EQ(frames(beacon + "0000000000").size(), 1u);
  EXPECT_EQ(frames("00" + beacon).size(), 0u);
  EXPECT_EQ(frames("").size(), 0u);
  EXPECT_EQ(frames("0101" + beacon).size(), 1u);  // a structure without a value
}

TEST(Walk, MalformedAfterAFrameKeepsTheFrame) {
  const auto bytes = from_hex(
                         "1aff4c000215fda50693a4e24fb1afcfc6eb0764782500010002c5"
                         "09ff4c00")
                         .value();
  int count = 0;
  const auto malformed = for_each_frame(bytes, [&](const Frame&) { ++count; });
  EXPECT_EQ(count, 1);
  ASSERT_TRUE(malformed);
  EXPECT_EQ(malformed->offset, 27u);
  EXPECT_EQ(to_string(*malformed), "the AD structure at byte 27 says 9 bytes where 3 are left");
}

TEST(Walk, EveryPrefixAndEveryByteIsSafe) {
  auto bytes =
      from_hex("0201061aff4c000215fda50693a4e24fb1afcfc6eb0764782500010002c51316aafe10ee03676f6f676c6500").value();
  for (std::size_t n = 0; n <= bytes.size(); ++n) decode_json(ByteView(bytes).first(n));
  for (auto& byte : bytes)
    for (int value = 0; value < 256; ++value) {
      const auto kept = std::exchange(byte, static_cast<std::uint8_t>(value));
      const auto line = decode_json(bytes);
      EXPECT_EQ(line.rfind("{\"frames\":[", 0), 0u);
      byte = kept;
    }
}

TEST(DecodeJson, IsExactlyTheContractsShape) {
  const auto line = [](std::string_view hex) { return decode_line(hex).value(); };
  EXPECT_EQ(
      line(structure("ff", "4c000215fda50693a4e24fb1afcfc6eb0764782500010002c5")),
      R"({"frames":[{"format":"ibeacon","uuid":"fda50693-a4e2-4fb1-afcf-c6eb07647825","major":1,"minor":2,"measured_power":-59}]})");
  EXPECT_EQ(
      line(structure("ff", "1801beac0102030405060708090a0b0c0d0e0f1011121314c37f")),
      R"({"frames":[{"format":"altbeacon","company":280,"id":"0102030405060708090a0b0c0d0e0f1011121314","measured_power":-61,"reserved":127}]})");
  EXPECT_EQ(
      line(structure("16", "aafe00e700112233445566778899aabbccddeeff0000")),
      R"({"frames":[{"format":"eddystone-uid","namespace":"00112233445566778899","instance":"aabbccddeeff","tx_power":-25}]})");
  EXPECT_EQ(line(structure("16", "aafe10ee03676f6f676c6500")),
            R"({"frames":[{"format":"eddystone-url","url":"https://google.com/","tx_power":-18}]})");
  EXPECT_EQ(
      line(structure("16", "aafe20000bb81680000001020000000f")),
      R"({"frames":[{"format":"eddystone-tlm","battery_mv":3000,"temperature_c":22.5,"adv_count":258,"uptime_s":1.5}]})");
  EXPECT_EQ(
      line(structure("16", "aafe20000bb88000ffffffffffffffff")),
      R"({"frames":[{"format":"eddystone-tlm","battery_mv":3000,"temperature_c":null,"adv_count":4294967295,"uptime_s":429496729.5}]})");
  EXPECT_EQ(
      line(structure("16", "aafe20000bb8ff80000001020000000a")),
      R"({"frames":[{"format":"eddystone-tlm","battery_mv":3000,"temperature_c":-0.5,"adv_count":258,"uptime_s":1.0}]})");
  EXPECT_EQ(line(structure("16", "aafe20010102030405060708090a0b0caabbccdd")),
            R"({"frames":[{"format":"eddystone-etlm"}]})");
  EXPECT_EQ(line(structure("16", "aafe30f67dd8169dae94258c")),
            R"({"frames":[{"format":"eddystone-eid","eid":"7dd8169dae94258c","tx_power":-10}]})");
  EXPECT_EQ(line(""), R"({"frames":[]})");
  EXPECT_EQ(line("02 01 06\t05FF"),
            R"({"frames":[],"error":"the AD structure at byte 3 says 5 bytes where 1 are left"})");
  EXPECT_EQ(decode_line("02010").error().code, Code::refuse);
  EXPECT_EQ(decode_line("zz").error().code, Code::refuse);
}

}  // namespace
}  // namespace foyer::beacon
