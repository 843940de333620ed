#include "support/fake_systemd.hpp"
#include "support/watched_radio.hpp"

/// The BlueZ driver beside a radio that falls silent: the ladder, the tap.
namespace foyer::drivers::bluez {
namespace {

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
  expect_no_alarm(changes);
  EXPECT_EQ(tried(Rung::power), 0u);
}

TEST_F(Watched, AClosedShopsRadioIsNeitherSwitchedOffNorSaidToBeDeaf) {
  beacons = {{kTag, -59, "auto"}};
  speak(1);
  start();
  ASSERT_TRUE(hears(50));
  const auto changes = ear.changes.size();
  bluez->forget_calls();
  speaking.reset();
  ASSERT_TRUE(loop.run_until([&] { return tried(Rung::discovery) >= 3; }, 20s)) << "tried again and again, more rarely";
  EXPECT_EQ(tried(Rung::power) + tried(Rung::reset) + tried(Rung::service), 0u);
  EXPECT_EQ(bluez->count("Set hci0") + bluez->count("RegisterAdvertisement hci0"), 0u) << "the beacon stays on the air";
  expect_no_alarm(changes);
}

TEST_F(Watched, AfterHoursWithoutAnAdvertThePowerCycleIsNoOutageEither) {
  settings.pace.forlorn = 300ms;
  speak(1);
  start();
  ASSERT_TRUE(hears(50));
  const auto changes = ear.changes.size();
  const auto deaf = radio->status().deaf;  // of starting
  bluez->forget_calls();
  speaking.reset();
  ASSERT_TRUE(loop.run_until([&] { return bluez->count("Set hci0") == 2 && bluez->discovering("hci0"); }, 20s));
  expect_no_alarm(changes);
  EXPECT_EQ(radio->status().deaf, deaf);
}

// One sender alone proves nothing; but a scan that cannot be started anew does, and then the silence was deafness.
TEST_F(Watched, ADeadControllerIsFoundByDoubtAndTheSilenceIsCounted) {
  speak(1);
  start();
  ASSERT_TRUE(hears(50));
  bluez->refuse("StartDiscovery", "org.bluez.Error.Failed", 1'000'000);
  speaking.reset();
  ASSERT_TRUE(down());
  EXPECT_GE(ear.changes.back().deaf, 280ms) << "from the beginning of the silence";
  bluez->refuse("StartDiscovery", "", 0);
  EXPECT_TRUE(up());
}

TEST_F(Watched, TheNextOutageIsNotSaidToHaveBeenTried) {
  test::FakeSystemd systemd(bus.address(), [](const std::string&) { return true; });
  speak(5);
  start();
  ASSERT_TRUE(hears(50));
  speaking.reset();
  ASSERT_TRUE(tries(Rung::service));
  speak(5);
  ASSERT_TRUE(up());
  ASSERT_TRUE(loop.run_until([&] { return ear.changes.back().rung == Rung::service; }));
  bluez->vanish();
  ASSERT_TRUE(down());
  EXPECT_FALSE(ear.changes.back().rung) << "nothing was tried yet";
}

TEST_F(Watched, AnAdapterThatVanishedIsResetByItsLastNumber) {
  helper.on_reset = [this] { bluez->add_adapter("hci0", "00:11:22:33:44:55"); };
  start();
  bluez->remove_adapter("hci0");
  ASSERT_TRUE(down());
  EXPECT_THAT(ear.changes.back().reason, HasSubstr("no Bluetooth adapter"));
  ASSERT_TRUE(up());
  EXPECT_EQ(helper.resets, std::vector<std::uint16_t>{0});
  EXPECT_EQ(tried(Rung::service), 0u);
}

TEST_F(Watched, AnAdapterThatStaysAwayLeadsToARestartButNotOfOthersBeacons) {
  test::FakeSystemd systemd(bus.address(), [](const std::string&) { return true; });
  settings.adapter = "hci7";
  beacons = {{kTag, -59, "hci0"}};
  bluez->appear();
  radio = make_radio(settings, {loop, loop, loop, &helper});
  radio->broadcast(beacons);
  ASSERT_TRUE(radio->start(ear));
  ASSERT_TRUE(loop.run_until([&] { return bluez->advertisements().size() == 1; }));
  loop.run_for(500ms);
  EXPECT_EQ(systemd.restarts(), 0) << "hci7 may be nobody's";
  bluez->add_adapter("hci7", "00:11:22:33:44:77");
  ASSERT_TRUE(up());
  bluez->remove_adapter("hci7");
  EXPECT_TRUE(loop.run_until([&] { return systemd.restarts() > 0; }));
  EXPECT_EQ(helper.resets, std::vector<std::uint16_t>{7});
}

TEST_F(Watched, WhatOneAdapterWasUsedToSaysNothingOfTheNext) {
  bluez->add_adapter("hci1", "00:11:22:33:44:66");
  speak(5);
  start();
  ASSERT_TRUE(hears(100));
  ASSERT_TRUE(loop.run_until([&] { return radio->status().adapters[0].rate > 0; }));
  speaking.reset();
  bluez->remove_adapter("hci0");
  ASSERT_TRUE(loop.run_until([&] { return bluez->discovering("hci1"); }));
  ASSERT_TRUE(up());
  const auto changes = ear.changes.size();
  loop.run_for(300ms);
  EXPECT_EQ(radio->status().adapters[1].rate, 0);
  expect_no_alarm(changes);
}

TEST_F(Watched, OnePingThatIsLateRestartsNothing) {
  test::FakeSystemd systemd(bus.address(), [](const std::string&) { return true; });
  speak(5);
  start();
  ASSERT_TRUE(hears(50));
  bluez->forget_calls();
  bluez->hang("Ping");
  speaking.reset();
  ASSERT_TRUE(loop.run_until([&] { return bluez->count("Ping") >= 2; }));
  speak(5);
  ASSERT_TRUE(up());
  ASSERT_TRUE(hears(50));
  EXPECT_EQ(systemd.restarts(), 0);
  for (const auto& change : ear.changes) EXPECT_NE(change.reason, "bluetoothd does not answer");
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
  helper.say({3, 0, 0, 0, 0, 0, 0x3e, 12, 2, 1, 3, 1});  // the kernel never cuts one short; who knows
  EXPECT_TRUE(loop.run_until([&] {
    return radio->status().passed_over == std::array<std::uint64_t, 5>{1, 1, 0, 1, 0};
  }));
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
  helper.refusal.clear();
  const auto asked = helper.asked;
  loop.run_for(500ms);
  EXPECT_EQ(helper.asked, asked) << "not at once again: each time some seconds would go unheard";
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

}  // namespace
}  // namespace foyer::drivers::bluez
