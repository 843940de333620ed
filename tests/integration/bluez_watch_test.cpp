#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/advert.hpp"
#include "drivers/bluez/bluez.hpp"
#include "support/fake_bluetooth.hpp"
#include "support/fake_bluez.hpp"
#include "support/fake_systemd.hpp"
#include "support/radio_ear.hpp"
#include "support/test_bus.hpp"
#include "support/test_loop.hpp"

/// The BlueZ driver beside a radio that falls silent: the ladder, the tap, passive scanning.
namespace foyer::drivers::bluez {
namespace {

using namespace std::chrono_literals;
using ports::Rung;
using testing::HasSubstr;

const BeaconId kTag{parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value(), 1, 7};

Bytes ibeacon() {
  const auto value = ibeacon_value(kTag, -59);
  return {value.begin(), value.end()};
}
std::string ibeacon_ad() { return "1aff4c00" + to_hex(ibeacon()); }
std::string address(int i) { return "C0:00:00:00:00:0" + std::to_string(i); }

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

// ---- the ladder

TEST_F(Watched, ADeafRadioIsNoticedAndTheDiscoveryStartedAnew) {
  speak(5);
  start();
  ASSERT_TRUE(hears(50));
  bluez->forget_calls();
  speaking.reset();
  ASSERT_TRUE(down());
  EXPECT_THAT(ear.changes.back().reason, HasSubstr("hears nothing"));
  ASSERT_TRUE(loop.run_until([&] { return bluez->count("StartDiscovery hci0") == 1; }));
  EXPECT_EQ(bluez->count("StopDiscovery hci0"), 1u);
  EXPECT_EQ(tried(Rung::discovery), 1u);
  speak(5);
  ASSERT_TRUE(up());
  EXPECT_EQ(radio->status().rung, Rung::discovery);
  EXPECT_GE(radio->status().deaf, 100ms) << "from the beginning of the silence";
  EXPECT_LE(radio->status().deaf, 3s);
}

TEST_F(Watched, ClimbsRungByRungAndSaysWhichOne) {
  beacons = {{kTag, -59, "auto"}};
  test::FakeSystemd systemd(bus.address(), [](const std::string&) { return true; });
  speak(5);
  start();
  ASSERT_TRUE(hears(50));
  speaking.reset();
  bluez->forget_calls();
  ASSERT_TRUE(tries(Rung::service));
  EXPECT_EQ(radio->status().rungs, (std::array<std::uint64_t, ports::kRungs>{1, 1, 1, 1}));
  EXPECT_EQ(helper.resets, std::vector<std::uint16_t>{0});
  EXPECT_GE(bluez->count("Set hci0"), 2u) << "off and on";
  EXPECT_GE(bluez->count("RegisterAdvertisement hci0"), 1u) << "the beacon is on the air again";
  EXPECT_TRUE(loop.run_until([&] { return systemd.restarts() == 1; }));
  EXPECT_TRUE(loop.run_until([&] { return ear.changes.back().rung == Rung::service; }));
  speak(5);
  EXPECT_TRUE(up());
}

TEST_F(Watched, OneSenderThatLeavesIsNoDeafRadio) {
  speak(1);
  start();
  ASSERT_TRUE(hears(50));
  const auto changes = ear.changes.size();
  speaking.reset();
  ASSERT_TRUE(tries(Rung::discovery)) << "tried all the same, later";
  EXPECT_TRUE(radio->status().up);
  for (auto i = changes; i < ear.changes.size(); ++i) EXPECT_TRUE(ear.changes[i].up) << ear.changes[i].reason;
  EXPECT_EQ(tried(Rung::power), 0u);
}

TEST_F(Watched, AHungBluetoothdIsRestartedNotTheRadio) {
  test::FakeSystemd systemd(bus.address(), [this](const std::string& unit) {
    EXPECT_EQ(unit, "bluetooth.service");
    bluez->vanish();
    bluez->appear();
    return true;
  });
  speak(5);
  start();
  ASSERT_TRUE(hears(50));
  speaking.reset();
  bluez->freeze(true);
  ASSERT_TRUE(down());
  ASSERT_TRUE(loop.run_until([&] { return radio->status().reason == "bluetoothd does not answer"; }));
  ASSERT_TRUE(loop.run_until([&] { return systemd.restarts() == 1; }));
  ASSERT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  EXPECT_EQ(tried(Rung::power), 0u);
  EXPECT_EQ(tried(Rung::reset), 0u);
  speak(5);
  EXPECT_TRUE(up());
}

TEST_F(Watched, WhereRestartingIsNotPermittedItSaysSo) {
  test::FakeSystemd systemd(bus.address(), [](const std::string&) { return false; });
  start();
  bluez->vanish();
  ASSERT_TRUE(tries(Rung::service));
  EXPECT_TRUE(loop.run_until([&] {
    return radio->status().reason.find("may not be restarted: Interactive authentication required") !=
           std::string::npos;
  })) << radio->status().reason;
  bluez->appear();
  EXPECT_TRUE(up());
}

TEST_F(Watched, ABlockedRadioIsUnblockedAndReset) {
  helper.on_reset = [this] { bluez->refuse("Set", "org.bluez.Error.Blocked", 0); };
  start();
  bluez->refuse("Set", "org.bluez.Error.Blocked", 1'000'000);
  bluez->set_powered("hci0", false);
  ASSERT_TRUE(down());
  ASSERT_TRUE(tries(Rung::reset));
  EXPECT_EQ(tried(Rung::discovery), 0u) << "cannot help an adapter without power";
  EXPECT_TRUE(up());
}

TEST_F(Watched, ADiscoveryThatIsAlwaysRefusedLeadsToAPowerCycle) {
  bluez->refuse("StartDiscovery", "org.bluez.Error.InProgress", 1'000'000);
  bluez->appear();
  radio = make_radio(settings, {loop, loop, loop, &helper});
  ASSERT_TRUE(radio->start(ear));
  ASSERT_TRUE(tries(Rung::power));
  bluez->refuse("StartDiscovery", "", 0);
  EXPECT_TRUE(up());
}

// ---- the tap

TEST_F(Watched, WithTheTapTheKernelsReportsAreTheAdverts) {
  settings.tap = true;
  start();
  ASSERT_TRUE(loop.run_until([&] { return radio->status().source == "tap"; }));
  const auto before = loop.mono();
  helper.report(address(3), ibeacon_ad(), -71);
  helper.report(address(4), "", -50);               // empty: a broken controller says these
  helper.report(address(5), ibeacon_ad(), -50, 1);  // another adapter's
  helper.report(address(6), ibeacon_ad(), -120);    // below the floor
  helper.report(address(7), ibeacon_ad(), -72);
  ASSERT_TRUE(hears(2));
  EXPECT_EQ(to_hex(ear.adverts[0].data()), ibeacon_ad());
  EXPECT_EQ(ear.adverts[0].rssi, -71);
  EXPECT_EQ(to_string(ear.adverts[0].address), "c0:00:00:00:00:03");
  EXPECT_GE(ear.adverts[0].at, before);
  EXPECT_EQ(ear.adverts[1].rssi, -72);
  // What bluetoothd says is no advert now: each would be heard twice.
  bluez->device_added({"hci0", address(1), {{0x4C, ibeacon()}}, {}, -60});
  helper.report(address(8), ibeacon_ad(), -73);
  ASSERT_TRUE(hears(1));
  EXPECT_EQ(ear.adverts.size(), 3u);
  EXPECT_EQ(radio->status().adapters[0].adverts, 3u);
}

TEST_F(Watched, WithoutPermissionForTheTapDBusIsHeardAndItSaysWhy) {
  settings.tap = true;
  helper.refusal = "Operation not permitted";
  speak(3);
  start();
  EXPECT_TRUE(hears(10));
  EXPECT_EQ(radio->status().source, "dbus");
  EXPECT_THAT(radio->status().reason, HasSubstr("no tap: Operation not permitted"));
  helper.refusal.clear();
  speaking.reset();
  EXPECT_TRUE(loop.run_until([&] { return radio->status().source == "tap"; })) << "asked again";
}

TEST_F(Watched, ATapThatEndsIsReplacedByDBusAndOpenedAgain) {
  settings.tap = true;
  start();
  ASSERT_TRUE(loop.run_until([&] { return radio->status().source == "tap"; }));
  helper.refusal = "gone";
  helper.end_tap();
  ASSERT_TRUE(loop.run_until([&] { return radio->status().source == "dbus"; }));
  speak(3);
  EXPECT_TRUE(hears(10));
  helper.refusal.clear();
  speaking.reset();
  EXPECT_TRUE(loop.run_until([&] { return radio->status().source == "tap"; }));
}

TEST_F(Watched, ASilentTapWhereDBusHearsIsBrokenNotTheRadio) {
  settings.tap = true;
  start();
  ASSERT_TRUE(loop.run_until([&] { return radio->status().source == "tap"; }));
  speak(5, true, true);
  ASSERT_TRUE(hears(50));
  helper.refusal = "gone";
  speak(5, true, false);
  ASSERT_TRUE(loop.run_until([&] { return radio->status().source == "dbus"; }));
  EXPECT_TRUE(up());
  EXPECT_TRUE(hears(10));
  EXPECT_EQ(tried(Rung::power), 0u);
}

TEST_F(Watched, ABluetoothdThatHangsWhileTheTapHearsIsRestarted) {
  settings.tap = true;
  test::FakeSystemd systemd(bus.address(), [this](const std::string&) {
    bluez->vanish();
    bluez->appear();
    return true;
  });
  start();
  ASSERT_TRUE(loop.run_until([&] { return radio->status().source == "tap"; }));
  speak(5, false, true);
  ASSERT_TRUE(hears(50));
  bluez->freeze(true);
  ASSERT_TRUE(loop.run_until([&] { return systemd.restarts() == 1; }));
  EXPECT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  EXPECT_TRUE(up());
}

// ---- scanning passively

class Passive : public Watched {
 protected:
  Passive() { bluez->offer_monitors(); }
  std::size_t monitors() {
    return bluez->with_monitors([](auto& monitors) { return monitors.all().size(); });
  }
};

TEST_F(Passive, ExportsPatternsAndBelievesOnlyActivate) {
  settings.mode = Settings::Mode::passive;
  start();
  EXPECT_EQ(radio->status().mode, "passive");
  EXPECT_EQ(bluez->count("StartDiscovery hci0"), 0u);
  const auto monitor = bluez->with_monitors([](auto& monitors) { return monitors.all().at(0); });
  EXPECT_EQ(monitor.type, "or_patterns");
  EXPECT_EQ(monitor.patterns, 3u);
  EXPECT_EQ(monitor.sampling, 0);
  bluez->device_added({"hci0", address(1), {{0x4C, ibeacon()}}, {}, -60});
  EXPECT_TRUE(hears(1));
}

TEST_F(Passive, WithoutActivateItScansActivelyAndSaysWhy) {
  settings.mode = Settings::Mode::passive;
  bluez->with_monitors([](auto& monitors) { return monitors.activates = false; });
  start();
  EXPECT_EQ(radio->status().mode, "active");
  EXPECT_TRUE(bluez->discovering("hci0"));
  EXPECT_EQ(monitors(), 0u);
  EXPECT_THAT(radio->status().reason, HasSubstr("not activated"));
}

TEST_F(Passive, ARefusedRegistrationScansActively) {
  settings.mode = Settings::Mode::passive;
  bluez->refuse("RegisterMonitor", "org.bluez.Error.Failed");
  start();
  EXPECT_EQ(radio->status().mode, "active");
  EXPECT_THAT(radio->status().reason, HasSubstr("RegisterMonitor: org.bluez.Error.Failed"));
}

TEST_F(Passive, AReleasedMonitorIsADiscovery) {
  settings.mode = Settings::Mode::passive;
  start();
  ASSERT_EQ(radio->status().mode, "passive");
  bluez->release_monitors();
  ASSERT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  EXPECT_TRUE(up());
  EXPECT_EQ(radio->status().mode, "active");
}

TEST_F(Passive, ComesBackAfterAPowerCycle) {
  settings.mode = Settings::Mode::passive;
  start();
  bluez->set_powered("hci0", false);
  ASSERT_TRUE(down());
  ASSERT_TRUE(up());
  EXPECT_EQ(radio->status().mode, "passive");
  EXPECT_EQ(monitors(), 1u);
}

TEST_F(Passive, AutoIsActiveWithoutTheTap) {
  speak(5);
  start();
  ASSERT_TRUE(hears(150));
  EXPECT_EQ(radio->status().mode, "active");
  EXPECT_EQ(monitors(), 0u);
}

TEST_F(Passive, AutoWithTheTapTriesItAndStaysWhereItHearsNoLess) {
  settings.tap = true;
  settings.pace.trial = 600ms;
  start();
  speak(5, false, true);
  ASSERT_TRUE(loop.run_until([&] { return monitors() == 1; }));
  loop.run_for(1s);
  EXPECT_EQ(radio->status().mode, "passive");
  EXPECT_EQ(radio->status().reason, "");
  EXPECT_FALSE(bluez->discovering("hci0"));
}

TEST_F(Passive, AutoWithTheTapGoesBackWherePassiveHearsLess) {
  settings.tap = true;
  settings.pace.trial = 600ms;
  start();
  speaking = loop.every(5ms, [this] {
    if (monitors() > 0 && ++turn % 3 != 0) return;  // a passive scan is on half of the time
    helper.report(address(turn % 5), ibeacon_ad(), -60);
  });
  ASSERT_TRUE(loop.run_until([&] { return radio->status().mode == "passive"; }));
  ASSERT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  EXPECT_TRUE(loop.run_until([&] { return radio->status().reason.find("where actively") != std::string::npos; }));
  EXPECT_EQ(monitors(), 0u);
}

}  // namespace
}  // namespace foyer::drivers::bluez
