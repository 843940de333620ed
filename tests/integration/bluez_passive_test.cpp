#include "support/watched_radio.hpp"

/// The BlueZ driver scanning passively, and what `auto` makes of it.
namespace foyer::drivers::bluez {
namespace {

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
  EXPECT_EQ(monitor.patterns, (std::vector<std::string>{"0 ff 4c000215", "2 ff beac", "0 16 aafe"}));
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

// As where the kernel refuses it: bluetoothd said yes before.
TEST_F(Passive, AReleaseInsteadOfActivateIsADiscoveryAtOnce) {
  settings.mode = Settings::Mode::passive;
  settings.pace.activate = 1min;
  bluez->with_monitors([](auto& monitors) { return monitors.activates = false; });
  bluez->appear();
  radio = make_radio(settings, {loop, loop, loop, &helper});
  ASSERT_TRUE(radio->start(ear));
  ASSERT_TRUE(loop.run_until([&] { return monitors() == 1; }));
  bluez->release_monitors();
  ASSERT_TRUE(up());
  EXPECT_EQ(radio->status().mode, "active");
  EXPECT_THAT(radio->status().reason, HasSubstr("released the monitor"));
}

TEST_F(Passive, IsTriedAgainAfterItWasTakenBack) {
  settings.mode = Settings::Mode::passive;
  settings.pace.refused = 300ms;
  start();
  ASSERT_EQ(radio->status().mode, "passive");
  bluez->release_monitors();
  bluez->with_monitors([](auto& monitors) { return monitors.clear(), 0; });
  ASSERT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  EXPECT_TRUE(loop.run_until([&] { return radio->status().mode == "passive" && monitors() == 1; }));
  EXPECT_FALSE(bluez->discovering("hci0"));
  EXPECT_EQ(radio->status().reason, "");
}

class RefusedMonitor : public Passive, public testing::WithParamInterface<std::string> {};

TEST_P(RefusedMonitor, ScansActivelyAndSaysWhy) {
  settings.mode = Settings::Mode::passive;
  bluez->refuse("RegisterMonitor", GetParam());  // "": hung
  start();
  EXPECT_EQ(radio->status().mode, "active");
  EXPECT_TRUE(bluez->discovering("hci0"));
  EXPECT_THAT(radio->status().reason, HasSubstr(GetParam().empty() ? "RegisterMonitor" : GetParam().c_str()));
}

TEST_P(RefusedMonitor, AndOneThatDoesNotGoAwayNeither) {
  settings.mode = Settings::Mode::passive;
  start();
  bluez->refuse("UnregisterMonitor", GetParam());
  bluez->release_monitors();
  EXPECT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  EXPECT_TRUE(up());
}

INSTANTIATE_TEST_SUITE_P(Errors, RefusedMonitor,
                         testing::Values("org.bluez.Error.Failed", "org.bluez.Error.InvalidArguments",
                                         "org.bluez.Error.AlreadyExists", "org.bluez.Error.DoesNotExist",
                                         "org.freedesktop.DBus.Error.UnknownMethod", ""),
                         [](const auto& made) {
                           const auto& error = made.param;
                           return error.empty() ? std::string("Hung") : error.substr(error.rfind('.') + 1);
                         });

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

// Fewer than fifty adverts in one trial's time: it takes longer, and does not begin again for ever.
TEST_F(Passive, AutoWithTheTapTriesAQuietPlaceForLonger) {
  settings.tap = true;
  start();
  ASSERT_TRUE(loop.run_until([&] { return radio->status().source == "tap"; }));
  speaking = loop.every(20ms, [this] { helper.report(address(++turn % 5), ibeacon_ad(), -60); });
  EXPECT_TRUE(loop.run_until([&] { return monitors() == 1; }, 5s));
}

TEST_F(Passive, AutoSaysWhyPassiveIsRefusedAndTriesItAgain) {
  settings.tap = true;
  settings.pace.refused = 400ms;
  bluez->refuse("RegisterMonitor", "org.bluez.Error.Failed");
  start();
  speak(5, false, true);
  ASSERT_TRUE(loop.run_until([&] {
    return radio->status().reason ==
           "scanning actively, not passively: RegisterMonitor: org.bluez.Error.Failed: as scripted";
  })) << radio->status().reason;
  EXPECT_TRUE(loop.run_until([&] { return radio->status().mode == "passive"; }));
}

TEST_F(Passive, AutoSaysWhyPassiveWasTakenBackAndTriesItAgain) {
  settings.tap = true;
  settings.pace.refused = 400ms;
  start();
  speaking = loop.every(5ms, [this] {  // passively more is heard, so that a busy machine decides nothing
    for (auto times = 1 + monitors(); times > 0; --times) helper.report(address(++turn % 5), ibeacon_ad(), -60);
  });
  ASSERT_TRUE(loop.run_until([&] { return monitors() == 1; }));
  loop.run_for(1s);  // the trial is over
  ASSERT_EQ(radio->status().mode, "passive");
  bluez->release_monitors();
  bluez->with_monitors([](auto& monitors) { return monitors.clear(), 0; });
  EXPECT_TRUE(loop.run_until([&] {
    return radio->status().reason.find("not passively: bluetoothd released the monitor") != std::string::npos;
  }));
  EXPECT_TRUE(loop.run_until([&] { return radio->status().mode == "passive"; }));
  EXPECT_EQ(radio->status().reason, "");
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
