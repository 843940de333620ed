#include "support/bluez_case.hpp"
#include "support/bus_monitor.hpp"

/// The BlueZ driver against a bluetoothd that misbehaves, on a real bus.
namespace foyer::drivers::bluez {
namespace {

// ---- starting

TEST_F(Bluez, AsksForLowEnergyDuplicatesAndTheFloor) {
  settings.rssi_floor = -90;
  shop();
  start();
  ASSERT_TRUE(comes_up());
  const auto filter = bluez->filter("hci0");
  EXPECT_EQ(filter.transport, "le");
  EXPECT_TRUE(filter.duplicates);
  EXPECT_EQ(filter.rssi, -90);
  EXPECT_THAT(bluez->calls(), ElementsAre("GetManagedObjects", "SetDiscoveryFilter hci0", "StartDiscovery hci0"));
}

TEST_F(Bluez, OneConnectionAndFourRulesHoweverManyDevicesThereAre) {
  shop();
  test::BusMonitor monitor(bus.address());
  start();
  ASSERT_TRUE(comes_up());
  for (int i = 0; i < 100; ++i)
    bluez->device_added(
        {"hci0", "AA:BB:CC:DD:EE:" + to_hex(Bytes{static_cast<std::uint8_t>(i)}), {{0x4C, ibeacon(1)}}, {}, -60});
  ASSERT_TRUE(loop.run_until([&] { return ear.adverts.size() == 100; }));
  EXPECT_EQ(monitor.seen("Hello"), 1u);
  EXPECT_EQ(monitor.seen("AddMatch"), 4u);
  EXPECT_EQ(bluez->count("GetManagedObjects"), 1u);
}

TEST_F(Bluez, WaitsForABusAndForBluetoothd) {
  bus.stop();
  start();
  ASSERT_TRUE(reason_has("system bus"));
  bus.start();
  ASSERT_TRUE(reason_has("bluetoothd is not running"));
  EXPECT_TRUE(loop.run_until([&] { return !ear.changes.empty() && !ear.changes.back().up; }));
  shop();
  EXPECT_TRUE(comes_up());
}

TEST_F(Bluez, PowersTheAdapterOn) {
  bluez->add_adapter("hci0", "00:11:22:33:44:55", false);
  bluez->refuse("Set", "org.bluez.Error.Blocked");
  bluez->appear();
  start();
  EXPECT_TRUE(comes_up());
  EXPECT_GE(bluez->count("Set hci0"), 2u);
}

TEST_F(Bluez, ChoosesTheAdapterThatIsPoweredByNameOrByAddress) {
  bluez->add_adapter("hci0", "00:11:22:33:44:50", false);
  bluez->add_adapter("hci1", "00:11:22:33:44:51");
  bluez->add_adapter("hci2", "00:11:22:33:44:52");
  bluez->appear();
  for (const auto& [adapter, expected] : std::map<std::string, std::string>{
           {"auto", "hci1"}, {"hci2", "hci2"}, {"00:11:22:33:44:52", "hci2"}, {"hci0", "hci0"}}) {
    settings.adapter = adapter;
    bluez->forget_calls();
    ear.changes.clear();
    start();
    ASSERT_TRUE(comes_up()) << adapter;
    EXPECT_EQ(bluez->count("StartDiscovery " + expected), 1u) << adapter;
    radio.reset();
    ASSERT_TRUE(loop.run_until([&] { return !bluez->discovering(expected); }));
  }
}

TEST_F(Bluez, SaysThatTheAdapterIsNotThereAndTakesItWhenItComes) {
  settings.adapter = "00:11:22:33:44:99";
  shop();
  start();
  ASSERT_TRUE(reason_has("no Bluetooth adapter 00:11:22:33:44:99"));
  bluez->add_adapter("hci7", "00:11:22:33:44:99");
  EXPECT_TRUE(comes_up());
  EXPECT_TRUE(bluez->discovering("hci7"));
}

TEST_F(Bluez, WithoutAMonitorManagerPassiveIsActiveAndSaysWhy) {
  settings.mode = Settings::Mode::passive;
  shop();
  start();
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(radio->status().mode, "active");
  EXPECT_THAT(radio->status().reason, HasSubstr("AdvertisementMonitorManager1"));
}

// ---- hearing

TEST_F(Bluez, TheFirstReportOfADeviceIsAnAdvert) {
  shop();
  start();
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(heard([&] {
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(7)}}, {}, -61});
            }),
            ibeacon_ad(7));
  EXPECT_EQ(ear.adverts[0].rssi, -61);
  EXPECT_EQ(to_string(ear.adverts[0].address), "aa:bb:cc:dd:ee:01");
}

TEST_F(Bluez, JoinsAStrengthWithWhatTheDeviceSaidBefore) {
  shop();
  start();
  ASSERT_TRUE(comes_up());
  Device device{"hci0", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(7)}}, {}, -61};
  heard([&] { bluez->device_added(device); });
  device.manufacturer.clear();
  device.rssi = -70;
  EXPECT_EQ(heard([&] { bluez->device_changed(device); }), ibeacon_ad(7));
  EXPECT_EQ(ear.adverts[0].rssi, -70);
  device.manufacturer = {{0x4C, ibeacon(8)}};  // the same address, another minor, and no strength
  device.rssi.reset();
  EXPECT_EQ(heard([&] { bluez->device_changed(device); }), ibeacon_ad(8));
  EXPECT_EQ(ear.adverts[0].rssi, Advert::kNoRssi);
}

TEST_F(Bluez, WritesServiceDataAndSeveralCompaniesAsStructures) {
  shop();
  start();
  ASSERT_TRUE(comes_up());
  const Device device{"hci0",
                      "AA:BB:CC:DD:EE:02",
                      {{0x4C, ibeacon(1)}, {0x118, {0xBE, 0xAC}}, {0x59, {}}},
                      {{"0000feaa-0000-1000-8000-00805f9b34fb", {0x30, 0xE7, 1, 2, 3, 4, 5, 6, 7, 8}},
                       {"6d0b6a54-2f0c-4a7e-9d8b-5f1f3f0a7c11", {1, 2, 3}}},
                      -50};
  EXPECT_EQ(heard([&] { bluez->device_changed(device); }),
            ibeacon_ad(1) + "03ff5900" + "05ff1801beac" + "0d16aafe30e70102030405060708");
}

TEST_F(Bluez, WhatIsWeakerThanTheFloorOrFromAnotherAdapterIsNotHeard) {
  settings.rssi_floor = -80;
  bluez->add_adapter("hci1", "00:11:22:33:44:51");
  shop();
  start();
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(heard([&] {
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(1)}}, {}, -81});
              bluez->device_added({"hci1", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(2)}}, {}, -50});
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:03", {{0x4C, ibeacon(3)}}, {}, -80});
            }),
            ibeacon_ad(3));
  EXPECT_EQ(ear.adverts.size(), 1u);
}

// Two adapters have an object each of the same device, and what they say differs.
TEST_F(Bluez, AnotherAdaptersObjectsNeitherSpeakNorGoForOurs) {
  bluez->add_adapter("hci1", "00:11:22:33:44:51");
  shop();
  start();
  ASSERT_TRUE(comes_up());
  Device ours{"hci0", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(7)}}, {}, -61};
  Device theirs{"hci1", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(8)}}, {}, -61};
  heard([&] { bluez->device_added(ours); });
  bluez->device_added(theirs);
  ours.manufacturer.clear();
  EXPECT_EQ(heard([&] { bluez->device_changed(ours); }), ibeacon_ad(7));
  EXPECT_EQ(radio->status().devices, 1u) << "theirs takes no place";
  bluez->devices_removed({theirs});
  EXPECT_EQ(heard([&] { bluez->device_changed(ours); }), ibeacon_ad(7));
}

TEST_F(Bluez, WhatIsPassedOverIsCountedByReason) {
  settings.rssi_floor = -80;
  shop();
  start();
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(heard([&] {
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:01", {}, {}, -60});
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:02", {{0x4C, ibeacon(1)}}, {}, -81});
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:03", {{0x59, Bytes(253, 1)}, {0x4C, ibeacon(2)}}, {}, -60});
              bluez->odd_signal();
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:04", {{0x4C, ibeacon(3)}}, {}, -60});
            }),
            ibeacon_ad(2));
  EXPECT_TRUE(loop.run_until([&] { return ear.adverts.size() == 2; }));
  EXPECT_EQ(radio->status().passed_over, (std::array<std::uint64_t, 5>{1, 1, 1, 0, 1}));
}

TEST_F(Bluez, StrengthTakenBackAndABurstOfRemovalsAreNoAdverts) {
  shop();
  start();
  ASSERT_TRUE(comes_up());
  std::vector<Device> devices;
  for (int i = 0; i < 200; ++i)
    devices.push_back(
        {"hci0", "AA:BB:CC:DD:EE:" + to_hex(Bytes{static_cast<std::uint8_t>(i)}), {{0x4C, ibeacon(1)}}, {}, -60});
  for (const auto& device : devices) bluez->device_added(device);
  ASSERT_TRUE(loop.run_until([&] { return ear.adverts.size() == devices.size(); }));
  bluez->rssi_invalidated({"hci0", devices[0].address, {}, {}, {}});
  bluez->devices_removed(devices);
  Device last = devices[0];
  last.manufacturer.clear();  // forgotten: a strength alone says nothing any more
  EXPECT_EQ(heard([&] {
              bluez->device_changed(last);
              bluez->device_added({"hci0", "AA:BB:CC:DD:FF:00", {{0x4C, ibeacon(9)}}, {}, -60});
            }),
            ibeacon_ad(9));
  EXPECT_TRUE(radio->status().up);
}

// ---- misbehaviour

TEST_F(Bluez, BluetoothdLeavesAndComesBack) {
  beacons = {{id(1), -59, "auto"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  ASSERT_TRUE(on_air(1));
  for (int i = 0; i < 3; ++i) {
    bluez->vanish();
    ASSERT_TRUE(goes_down());
    EXPECT_THAT(radio->status().reason, HasSubstr("bluetoothd is not running"));
    EXPECT_FALSE(radio->status().adapters.at(0).powered);
    bluez->appear();
    ASSERT_TRUE(comes_up());
    ASSERT_TRUE(on_air(1));
  }
  EXPECT_EQ(radio->status().adapters.size(), 1u);
  EXPECT_EQ(heard([&] {
              bluez->device_added({"hci0", "AA:BB:CC:DD:EE:01", {{0x4C, ibeacon(7)}}, {}, -61});
            }),
            ibeacon_ad(7));
}

TEST_F(Bluez, TheBusItselfGoesAndComesBack) {
  beacons = {{id(1), -59, "auto"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  bluez->vanish();
  bus.stop();
  ASSERT_TRUE(goes_down());
  bus.start();
  bluez->appear();
  EXPECT_TRUE(comes_up());
  EXPECT_TRUE(on_air(1));
}

const std::vector<std::string> kErrors{"org.bluez.Error.Failed",
                                       "org.bluez.Error.InProgress",
                                       "org.bluez.Error.NotReady",
                                       "org.bluez.Error.NotAuthorized",
                                       "org.bluez.Error.NotPermitted",
                                       "org.bluez.Error.NotSupported",
                                       "org.bluez.Error.InvalidArguments",
                                       "org.bluez.Error.InvalidLength",
                                       "org.bluez.Error.AlreadyExists",
                                       "org.freedesktop.DBus.Error.UnknownObject",
                                       "org.freedesktop.DBus.Error.NoReply",
                                       ""};  // the last: hung, until the call times out
std::string name_of(const std::string& error) { return error.empty() ? "Hung" : error.substr(error.rfind('.') + 1); }

class Refused : public Bluez, public testing::WithParamInterface<std::tuple<std::string, std::string>> {};

TEST_P(Refused, IsOvercome) {
  const auto& [method, error] = GetParam();
  beacons = {{id(1), -59, "auto"}};
  bluez->refuse(method, error, 2);
  shop();
  start();
  EXPECT_TRUE(comes_up()) << radio->status().reason;
  EXPECT_TRUE(on_air(1));
  EXPECT_TRUE(loop.run_until([&] { return bluez->discovering("hci0") && radio->status().reason.empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Errors, Refused,
                         testing::Combine(testing::Values("SetDiscoveryFilter", "StartDiscovery",
                                                          "RegisterAdvertisement"),
                                          testing::ValuesIn(kErrors)),
                         [](const auto& made) { return std::get<0>(made.param) + name_of(std::get<1>(made.param)); });

/// The methods that are called on the way to something else.
class RefusedInPassing : public Bluez, public testing::WithParamInterface<std::string> {};

TEST_P(RefusedInPassing, IsOvercomeToo) {
  const auto& error = GetParam();
  bluez->add_adapter("hci0", "00:11:22:33:44:55", false);
  for (const auto* method : {"Set", "StopDiscovery", "UnregisterAdvertisement"}) bluez->refuse(method, error);
  bluez->refuse_advertising_while_scanning(true);
  bluez->appear();
  start();
  ASSERT_TRUE(comes_up()) << radio->status().reason;  // Set, twice
  const auto has = [&](const BeaconId& wanted) {
    return loop.run_until([&] {
      const auto all = bluez->advertisements();
      return std::any_of(all.begin(), all.end(),
                         [&](const auto& one) { return one.manufacturer.at(0x004C) == ibeacon(wanted.minor); });
    });
  };
  radio->broadcast({{id(1), -59, "auto"}});  // StopDiscovery
  EXPECT_TRUE(has(id(1)));
  EXPECT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  radio->broadcast({{id(2), -59, "auto"}});  // UnregisterAdvertisement
  EXPECT_TRUE(has(id(2)));
  EXPECT_TRUE(loop.run_until([&] { return bluez->discovering("hci0") && radio->status().reason.empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Errors, RefusedInPassing, testing::ValuesIn(kErrors),
                         [](const auto& made) { return name_of(made.param); });

TEST_F(Bluez, AHungBluetoothdIsAskedAgainAndNothingBlocks) {
  bluez->hang("GetManagedObjects", 2);
  shop();
  const MonoTime before = loop.mono();
  start();
  EXPECT_LT(loop.mono() - before, 150ms);
  ASSERT_TRUE(reason_has("does not answer"));
  EXPECT_TRUE(comes_up());
}

TEST_F(Bluez, AStaleSessionIsStoppedFirst) {
  bluez->refuse("StartDiscovery", "org.bluez.Error.InProgress");
  shop();
  start();
  ASSERT_TRUE(comes_up());
  EXPECT_THAT(bluez->calls(), ElementsAre("GetManagedObjects", "SetDiscoveryFilter hci0", "StartDiscovery hci0",
                                          "StopDiscovery hci0", "SetDiscoveryFilter hci0", "StartDiscovery hci0"));
}

TEST_F(Bluez, ADiscoveryStoppedByOthersIsStartedAgain) {
  shop();
  start();
  ASSERT_TRUE(comes_up());
  for (std::size_t i = 2; i < 5; ++i) {
    bluez->end_discovery("hci0");
    ASSERT_TRUE(called("StartDiscovery hci0", i));
    ASSERT_TRUE(loop.run_until([&] { return bluez->discovering("hci0"); }));
  }
  EXPECT_TRUE(comes_up());
}

TEST_F(Bluez, AnAdapterIsTakenOutAndPutBack) {
  beacons = {{id(1), -59, "auto"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  ASSERT_TRUE(on_air(1));
  bluez->remove_adapter("hci0");
  ASSERT_TRUE(goes_down());
  EXPECT_THAT(radio->status().reason, HasSubstr("no Bluetooth adapter"));
  bluez->add_adapter("hci3", "00:11:22:33:44:55");  // it comes back under another name
  ASSERT_TRUE(comes_up());
  EXPECT_TRUE(on_air(1));
  ASSERT_EQ(radio->status().adapters.size(), 1u);
  EXPECT_EQ(radio->status().adapters[0].name, "hci3");
}

TEST_F(Bluez, AnAdapterSwitchedOffIsSwitchedOnAgain) {
  beacons = {{id(1), -59, "auto"}};
  shop();
  start();
  ASSERT_TRUE(comes_up());
  ASSERT_TRUE(on_air(1));
  bluez->set_powered("hci0", false);
  ASSERT_TRUE(called("Set hci0"));
  ASSERT_TRUE(called("StartDiscovery hci0", 2));
  EXPECT_TRUE(comes_up());
  EXPECT_TRUE(on_air(1));
}

}  // namespace
}  // namespace foyer::drivers::bluez
