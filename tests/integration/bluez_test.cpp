#include "drivers/bluez/bluez.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/advert.hpp"
#include "support/fake_bluez.hpp"
#include "support/radio_ear.hpp"
#include "support/test_bus.hpp"
#include "support/test_loop.hpp"

/// The BlueZ driver against a bluetoothd that misbehaves, on a real bus.
namespace foyer::drivers::bluez {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Device = test::FakeBluez::Device;

const Uuid kUuid = parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value();

BeaconId id(std::uint16_t minor) { return {kUuid, 1, minor}; }

Bytes ibeacon(std::uint16_t minor) {
  const auto value = ibeacon_value(id(minor), -59);
  return {value.begin(), value.end()};
}
std::string ibeacon_ad(std::uint16_t minor) { return "1aff4c00" + to_hex(ibeacon(minor)); }

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

INSTANTIATE_TEST_SUITE_P(
    Errors, Refused,
    testing::Combine(testing::Values("SetDiscoveryFilter", "StartDiscovery", "RegisterAdvertisement"),
                     testing::Values("org.bluez.Error.Failed", "org.bluez.Error.InProgress", "org.bluez.Error.NotReady",
                                     "org.bluez.Error.NotAuthorized", "org.bluez.Error.NotPermitted",
                                     "org.bluez.Error.NotSupported", "org.bluez.Error.InvalidArguments",
                                     "org.bluez.Error.InvalidLength", "org.bluez.Error.AlreadyExists",
                                     "org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.NoReply",
                                     "")),  // the last: hung, until the call times out
    [](const auto& made) {
      auto error = std::get<1>(made.param);
      error = error.empty() ? "Hung" : error.substr(error.rfind('.') + 1);
      return std::get<0>(made.param) + error;
    });

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

// ---- broadcasting

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
