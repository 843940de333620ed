#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/advert.hpp"
#include "drivers/bluez/bluez.hpp"
#include "support/fake_bluez.hpp"
#include "support/radio_ear.hpp"
#include "support/test_bus.hpp"
#include "support/test_loop.hpp"

namespace foyer::drivers::bluez {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Device = test::FakeBluez::Device;

inline const Uuid kUuid = parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value();

inline BeaconId id(std::uint16_t minor) { return {kUuid, 1, minor}; }

inline Bytes ibeacon(std::uint16_t minor) {
  const auto value = ibeacon_value(id(minor), -59);
  return {value.begin(), value.end()};
}
inline std::string ibeacon_ad(std::uint16_t minor) { return "1aff4c00" + to_hex(ibeacon(minor)); }

/// A radio and a bluetoothd that can be told to misbehave, on a real bus.
class Bluez : public testing::Test {
 protected:
  Bluez() {
    bus.start();
    bluez.emplace(bus.address());
    settings.pace = {200ms, 20ms, 80ms, 100ms};
  }
  void shop() {
    bluez->add_adapter("hci0", "00:11:22:33:44:55");
    bluez->appear();
  }
  void start() {
    radio = make_radio(settings, {loop, loop, loop});
    radio->broadcast(beacons);
    ASSERT_TRUE(radio->start(ear));
  }
  bool comes_up() {
    return loop.run_until([&] { return ear.up() && radio->status().up; });
  }
  bool goes_down() {
    return loop.run_until([&] { return !ear.changes.empty() && !ear.changes.back().up; });
  }
  bool reason_has(const std::string& text) {
    return loop.run_until([&] { return radio->status().reason.find(text) != std::string::npos; });
  }
  bool called(const std::string& call, std::size_t times = 1) {
    return loop.run_until([&] { return bluez->count(call) >= times; });
  }
  bool on_air(std::size_t count) {
    return loop.run_until([&] {
      const auto all = radio->status().broadcasts;
      return bluez->advertisements().size() == count && all.size() == count &&
             std::all_of(all.begin(), all.end(),
                         [](const auto& b) { return b.state != ports::BroadcastState::requested; });
    });
  }
  /// The next advert after `cause`, as hex; empty: none came.
  template <class Cause>
  std::string heard(Cause cause) {
    ear.adverts.clear();
    cause();
    return loop.run_until([&] { return !ear.adverts.empty(); }, 2s) ? to_hex(ear.adverts[0].data()) : "";
  }

  test::TestBus bus;
  std::optional<test::FakeBluez> bluez;
  test::TestLoop loop;
  test::RadioEar ear;
  Settings settings;
  std::vector<ports::Broadcast> beacons;
  std::unique_ptr<ports::Radio> radio;
};

}  // namespace foyer::drivers::bluez
