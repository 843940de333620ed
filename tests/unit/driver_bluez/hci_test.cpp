#include "drivers/bluez/hci.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace foyer::drivers::bluez {
namespace {

/// The monitor channel's header before an HCI event.
Bytes frame(const std::string& event, std::uint16_t index = 1, std::uint8_t opcode = 3) {
  const auto body = from_hex(event).value();
  Bytes out{opcode, 0, static_cast<std::uint8_t>(index), 0, static_cast<std::uint8_t>(body.size()), 0};
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

struct Seen {
  bool good = false;
  FrameRead read = FrameRead::other;
  std::vector<HciReport> reports;
  std::vector<std::string> data;
};
Seen read(ByteView bytes) {
  Seen seen;
  seen.read = each_report(bytes, [&](const HciReport& report) {
    seen.reports.push_back(report);
    seen.data.push_back(to_hex(report.data));
  });
  seen.good = seen.read == FrameRead::reports;
  return seen;
}

TEST(Hci, ReadsAnAdvertisingReport) {
  // A published capture of an iBeacon: event 3E, subevent 02, one report, -77 dBm.
  const auto seen =
      read(frame("3e2a02010001433ea2c96b6a1e02011a1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5b3"));
  ASSERT_TRUE(seen.good);
  ASSERT_EQ(seen.reports.size(), 1u);
  EXPECT_EQ(seen.reports[0].index, 1);
  EXPECT_EQ(to_string(seen.reports[0].address), "6a:6b:c9:a2:3e:43");
  EXPECT_EQ(seen.reports[0].rssi, -77);
  EXPECT_FALSE(seen.reports[0].scan_response);
  EXPECT_EQ(seen.data[0], "02011a1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5");
}

TEST(Hci, ReadsSeveralReportsAndScanResponses) {
  const auto seen =
      read(frame("3e1a"
                 "0202"
                 "0300112233445566"
                 "02"
                 "0201"
                 "c4"
                 "0401aabbccddeeff"
                 "00"
                 "7f"));
  EXPECT_FALSE(seen.good) << "the event says 26 bytes and has 24";
  const auto whole =
      read(frame("3e18"
                 "0202"
                 "0300112233445566"
                 "02"
                 "0201"
                 "c4"
                 "0401aabbccddeeff"
                 "00"
                 "7f"));
  ASSERT_TRUE(whole.good);
  ASSERT_EQ(whole.reports.size(), 2u);
  EXPECT_EQ(whole.reports[0].rssi, -60);
  EXPECT_TRUE(whole.reports[1].scan_response);
  EXPECT_EQ(whole.reports[1].rssi, 127);
  EXPECT_EQ(whole.data, (std::vector<std::string>{"0201", ""}));
}

TEST(Hci, ReadsAnExtendedReport) {
  const auto seen =
      read(frame("3e1d"
                 "0d01"
                 "1000"
                 "01"
                 "010203040506"
                 "0100ff7f"
                 "b5"
                 "0000"
                 "00000000000000"
                 "03"
                 "020106"));
  ASSERT_TRUE(seen.good);
  ASSERT_EQ(seen.reports.size(), 1u);
  EXPECT_EQ(to_string(seen.reports[0].address), "06:05:04:03:02:01");
  EXPECT_EQ(seen.reports[0].rssi, -75);
  EXPECT_EQ(seen.data[0], "020106");
}

TEST(Hci, OtherFramesAreNone) {
  EXPECT_FALSE(read({}).good);
  EXPECT_EQ(read(frame("0e0401030c00")).read, FrameRead::other);
  EXPECT_FALSE(read(frame("3e0c0200", 1)).good);
  EXPECT_FALSE(read(frame("3e18"
                          "0202"
                          "0300112233445566"
                          "02"
                          "0201"
                          "c4"
                          "0401aabbccddeeff"
                          "00"
                          "7f",
                          0, 2))
                   .good);
}

TEST(Hci, BytesCutAnywhereOrThrownAboutReadNothingBeyond) {
  const auto whole = frame(
      "3e18"
      "0202"
      "0300112233445566"
      "02"
      "0201"
      "c4"
      "0401aabbccddeeff"
      "00"
      "7f");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));  // its own memory: ASan watches
    EXPECT_EQ(read(part).read, FrameRead::cut) << cut;
  }
  std::mt19937 random{1};
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = whole;
    for (auto at = 7U + random() % 3; at < bytes.size(); at += 1 + random() % 5)
      bytes[at] = static_cast<std::uint8_t>(random());
    for (const auto& report : read(bytes).reports) {
      ASSERT_GE(report.data.data(), bytes.data());
      ASSERT_LE(report.data.data() + report.data.size(), bytes.data() + bytes.size());
    }
  }
}

}  // namespace
}  // namespace foyer::drivers::bluez
