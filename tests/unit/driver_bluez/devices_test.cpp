#include "drivers/bluez/devices.hpp"

#include <gtest/gtest.h>

namespace foyer::drivers::bluez {
namespace {

using namespace std::chrono_literals;

class DevicesTest : public testing::Test {
 protected:
  void hear(std::uint32_t number) {
    MacAddress address{{2, 0, static_cast<std::uint8_t>(number >> 24), static_cast<std::uint8_t>(number >> 16),
                        static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
    Report report;
    devices.note({address, 0}, report, now);
  }
  MonoTime now{1h};
  Devices devices;
};

TEST_F(DevicesTest, CountsTheReportsAnIntervalPromised) {
  for (int i = 0; i < 10; ++i, now += 100ms) hear(1);
  EXPECT_EQ(devices.coalesced(), 0u);
  now += 300ms;  // three did not come
  hear(1);
  EXPECT_EQ(devices.coalesced(), 3u);
  now += 1min;  // away
  hear(1);
  EXPECT_EQ(devices.coalesced(), 3u);
}

TEST_F(DevicesTest, JitterIsNoLoss) {
  for (int i = 0; i < 1000; ++i, now += 100ms + (i * 7) % 11 * 1ms) hear(1);
  EXPECT_EQ(devices.coalesced(), 0u);
}

TEST_F(DevicesTest, TheLeastRecentlyHeardGoes) {
  for (std::uint32_t i = 0; i < 3 * Devices::kMost; ++i) hear(i);
  EXPECT_EQ(devices.size(), Devices::kMost);
  EXPECT_EQ(devices.evictions(), 2 * Devices::kMost);
}

// Each adapter has an object of the same device: what one lets go of, the other may still hear.
TEST_F(DevicesTest, AnotherAdaptersObjectIsAnother) {
  const MacAddress address{{2, 0, 0, 0, 0, 1}};
  Report report;
  report.has_manufacturer = true;
  report.manufacturer = {3, 0xFF, 1, 1};
  devices.note({address, 0}, report, now);
  report.clear();
  report.has_manufacturer = true;
  report.manufacturer = {3, 0xFF, 2, 2};
  devices.note({address, 1}, report, now);
  devices.forget({address, 1});
  report.clear();
  EXPECT_EQ(devices.note({address, 0}, report, now).manufacturer, (Bytes{3, 0xFF, 1, 1}));
}

}  // namespace
}  // namespace foyer::drivers::bluez
