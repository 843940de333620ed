#include "support/bluez_case.hpp"

/// The shop's own beacons through the BlueZ driver.
namespace foyer::drivers::bluez {
namespace {

TEST_F(Bluez, RegistersBeaconsBeforeItScans) {
  beacons = {{id(1), -59, "auto"}, {id(2), -70, "auto"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  EXPECT_THAT(bluez->calls(),
              ElementsAre("GetManagedObjects", "RegisterAdvertisement hci0", "RegisterAdvertisement hci0",
                          "SetDiscoveryFilter hci0", "StartDiscovery hci0"));
  const auto all = bluez->advertisements();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].type, "broadcast");
  EXPECT_EQ(to_hex(all[0].manufacturer.at(0x004C)), to_hex(ibeacon(1)));
  EXPECT_EQ(all[1].manufacturer.at(0x004C)[22], static_cast<std::uint8_t>(-70));
}

TEST_F(Bluez, RefusedWhileScanningStopsRegistersAndScansOn) {
  bluez->refuse_advertising_while_scanning(true);
  shop();
  start();
  ASSERT_TRUE(comes_up());
  bluez->forget_calls();
  const auto changes = ear.changes.size();
  radio->broadcast({{id(1), -59, "auto"}});
  ASSERT_TRUE(on_air(1));
  ASSERT_TRUE(loop.run_until([&] { return bluez->discovering("hci0") && radio->status().up; }));
  EXPECT_EQ(bluez->count("StopDiscovery hci0"), 1u);
  for (auto i = changes; i < ear.changes.size(); ++i) EXPECT_TRUE(ear.changes[i].up) << "the pause is not an outage";
}

TEST_F(Bluez, AReleasedBeaconIsRegisteredAgain) {
  beacons = {{id(1), -59, "auto"}};
  shop();
  start();
  ASSERT_TRUE(on_air(1));
  bluez->release(bluez->advertisements().at(0));
  ASSERT_TRUE(called("RegisterAdvertisement hci0", 2));
  EXPECT_TRUE(on_air(1));
}

/// With the pace of a shop, from the moment that takes the beacon off the air.
class Gap : public Bluez {
 protected:
  Gap() {
    settings.pace = Pace{};
    beacons = {{id(1), -59, "auto"}};
  }
  void expect_short(const std::function<void()>& off) {
    ASSERT_TRUE(on_air(1));
    ASSERT_TRUE(comes_up());
    off();
    const auto before = loop.mono();
    ASSERT_TRUE(on_air(1));
    EXPECT_LE(loop.mono() - before, 2s);
  }
};

TEST_F(Gap, ARelease) {
  shop();
  start();
  expect_short([this] { bluez->release(bluez->advertisements().at(0)); });
}

TEST_F(Gap, APowerCycleByAnotherProgram) {
  shop();
  start();
  expect_short([this] { bluez->set_powered("hci0", false); });
}

TEST_F(Gap, AChangeOfSlotThatWantsTheScanStopped) {
  bluez->refuse_advertising_while_scanning(true);
  shop();
  start();
  expect_short([this] { radio->broadcast({{id(2), -59, "auto"}}); });
  EXPECT_EQ(bluez->advertisements()[0].manufacturer.at(0x004C), ibeacon(2));
  EXPECT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
}

TEST_F(Bluez, OtherBeaconsReplaceThoseOnTheAirAndTheRestStays) {
  beacons = {{id(1), -59, "auto"}, {id(2), -59, "auto"}, {id(2), -59, "auto"}};  // one twice: on the air once
  shop();
  start();
  ASSERT_TRUE(comes_up());
  ASSERT_TRUE(on_air(2));
  bluez->forget_calls();
  radio->broadcast({{id(2), -59, "auto"}, {id(3), -59, "auto"}});
  ASSERT_TRUE(called("RegisterAdvertisement hci0"));
  ASSERT_TRUE(on_air(2));
  EXPECT_THAT(bluez->calls(), ElementsAre("UnregisterAdvertisement hci0", "RegisterAdvertisement hci0"));
  radio->broadcast({{id(1), -59, "auto"}});  // back to one that was there before
  EXPECT_TRUE(on_air(1));
}

TEST_F(Bluez, ABeaconOfItsOwnAdapterIsConfirmedWhenTheOtherHearsIt) {
  bluez->add_adapter("hci1", "00:11:22:33:44:51");
  settings.adapter = "hci0";
  settings.pace.confirmed = 300ms;
  beacons = {{id(1), -59, "00:11:22:33:44:51"}, {id(2), -59, "hci9"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  ASSERT_TRUE(loop.run_until([&] { return bluez->advertisements().size() == 1; }));
  EXPECT_EQ(bluez->advertisements()[0].adapter, "hci1");
  EXPECT_FALSE(bluez->discovering("hci1"));
  bluez->device_added({"hci0", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(1)}}, {}, -40});
  EXPECT_TRUE(loop.run_until([&] { return radio->status().broadcasts[0].state == ports::BroadcastState::confirmed; }));
  EXPECT_EQ(radio->status().broadcasts[1].state, ports::BroadcastState::requested);
  EXPECT_THAT(radio->status().broadcasts[1].error, HasSubstr("hci9"));
  auto hearing = loop.every(50ms, [&] {
    bluez->device_added({"hci0", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(1)}}, {}, -40});
  });
  loop.run_for(600ms);
  EXPECT_EQ(radio->status().broadcasts[0].state, ports::BroadcastState::confirmed) << "as long as it is heard";
  hearing.reset();
  EXPECT_TRUE(loop.run_until([&] {
    return ear.changes.back().broadcasts[0].state == ports::BroadcastState::registered;
  })) << "and told when it is not";
}

TEST_F(Bluez, ModeOffOnlyBroadcasts) {
  settings.mode = Settings::Mode::off;
  beacons = {{id(1), -59, "auto"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  EXPECT_TRUE(on_air(1));
  EXPECT_EQ(radio->status().mode, "off");
  EXPECT_EQ(bluez->count("StartDiscovery hci0"), 0u);
}

TEST_F(Bluez, StoppingTakesEverythingOffTheAir) {
  beacons = {{id(1), -59, "auto"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  ASSERT_TRUE(on_air(1));
  radio->stop();
  EXPECT_TRUE(loop.run_until([&] { return bluez->advertisements().empty() && !bluez->discovering("hci0"); }));
}

}  // namespace
}  // namespace foyer::drivers::bluez
