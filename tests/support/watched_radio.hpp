#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/advert.hpp"
#include "drivers/bluez/bluez.hpp"
#include "support/fake_bluetooth.hpp"
#include "support/fake_bluez.hpp"
#include "support/radio_ear.hpp"
#include "support/test_bus.hpp"
#include "support/test_loop.hpp"

namespace foyer::drivers::bluez {

using namespace std::chrono_literals;
using ports::Rung;
using testing::HasSubstr;

inline const BeaconId kTag{parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value(), 1, 7};

inline Bytes ibeacon() {
  const auto value = ibeacon_value(kTag, -59);
  return {value.begin(), value.end()};
}
inline std::string ibeacon_ad() { return "1aff4c00" + to_hex(ibeacon()); }
inline std::string address(int i) { return "C0:00:00:00:00:0" + std::to_string(i); }

/// A radio with one adapter, a helper for the tap, and a pace of milliseconds.
class Watched : public testing::Test {
 protected:
  Watched() {
    bus.start();
    bluez.emplace(bus.address());
    bluez->add_adapter("hci0", "00:11:22:33:44:55");
    auto& pace = settings.pace;
    pace.call = 300ms;
    pace.first_retry = 20ms;
    pace.longest_retry = 80ms;
    pace.grace = pace.activate = 100ms;
    pace.look = 10ms;
    pace.silence = 100ms;
    pace.ping = 100ms;
    pace.settle = 150ms;
    pace.patience = 200ms;
    pace.quiet = 400ms;
    pace.doubt = 200ms;
    pace.trial = 200ms;
    pace.gather = 1ms;
  }
  void start() {
    bluez->appear();
    radio = make_radio(settings, {loop, loop, loop, &helper});
    radio->broadcast(beacons);
    ASSERT_TRUE(radio->start(ear));
    ASSERT_TRUE(loop.run_until([&] { return ear.up(); })) << radio->status().reason;
  }
  /// `senders` tags speak by turns until stopped, by D-Bus while bluetoothd is asked to discover, and by the tap.
  void speak(int senders, bool by_bus = true, bool by_tap = false) {
    speaking = loop.every(5ms, [this, senders, by_bus, by_tap] {
      const auto who = address(++turn % senders);
      if (by_bus && bluez->discovering("hci0")) bluez->device_added({"hci0", who, {{0x4C, ibeacon()}}, {}, -60});
      if (by_tap) helper.report(who, ibeacon_ad(), -60);
    });
  }
  bool hears(std::size_t more) {
    const auto before = ear.adverts.size();
    return loop.run_until([&] { return ear.adverts.size() >= before + more; });
  }
  std::uint64_t tried(Rung rung) { return radio->status().rungs[static_cast<std::size_t>(rung)]; }
  bool tries(Rung rung) {
    return loop.run_until([&] { return tried(rung) > 0; });
  }
  bool down() {
    return loop.run_until([&] { return !ear.changes.empty() && !ear.changes.back().up; });
  }
  /// No change since the first `changes` says that the radio does not hear.
  void expect_no_alarm(std::size_t changes) {
    for (auto i = changes; i < ear.changes.size(); ++i) EXPECT_TRUE(ear.changes[i].up) << ear.changes[i].reason;
  }
  bool up() {
    return loop.run_until([&] { return ear.up() && radio->status().up; });
  }

  test::TestBus bus;
  std::optional<test::FakeBluez> bluez;
  test::TestLoop loop;
  test::RadioEar ear;
  test::FakeBluetooth helper{loop};
  Settings settings;
  std::vector<ports::Broadcast> beacons;
  std::unique_ptr<ports::Radio> radio;
  ports::TimerHandle speaking;
  int turn = 0;
};

}  // namespace foyer::drivers::bluez
