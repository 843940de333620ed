#include "ports/radio.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "beacon/decode.hpp"
#include "drivers/bluez/bluez.hpp"
#include "drivers/sim/sim_radio.hpp"
#include "support/fake_bluez.hpp"
#include "support/radio_ear.hpp"
#include "support/test_bus.hpp"
#include "support/test_loop.hpp"

/// What every Radio keeps, on the simulated one and on BlueZ's.
namespace foyer {
namespace {

using namespace std::chrono_literals;
using test::RadioEar;
using test::TestLoop;

const BeaconId kTag{parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value(), 1, 2};

/// A radio in a world in which kTag is at -58 dBm.
class World {
 public:
  virtual ~World() = default;
  virtual std::unique_ptr<ports::Radio> make(TestLoop& loop) = 0;
  virtual void speak() = 0;  ///< the tag sends an advert, at the latest soon after
};

class SimWorld final : public World {
 public:
  std::unique_ptr<ports::Radio> make(TestLoop& loop) override {
    const auto scenario = drivers::sim::parse_scenario(
        "shoppers:\n  - {beacon: {uuid: fda50693-a4e2-4fb1-afcf-c6eb07647825, major: 1, minor: 2}, rssi: -58, "
        "interval: 20ms}",
        "test");
    return drivers::sim::make_radio(scenario.value(), loop, loop, 1);
  }
  void speak() override {}
};

class BluezWorld final : public World {
 public:
  BluezWorld() {
    bus_.start();
    bluez_ = std::make_unique<test::FakeBluez>(bus_.address());
    bluez_->add_adapter("hci0", "00:11:22:33:44:55");
    bluez_->appear();
  }
  std::unique_ptr<ports::Radio> make(TestLoop& loop) override {
    return drivers::bluez::make_radio({}, {loop, loop, loop});
  }
  void speak() override {
    const auto value = ibeacon_value(kTag, -59);
    bluez_->device_added({"hci0", "AA:BB:CC:DD:EE:01", {{0x004C, Bytes(value.begin(), value.end())}}, {}, -58});
  }

 private:
  test::TestBus bus_;
  std::unique_ptr<test::FakeBluez> bluez_;
};

class RadioContract : public testing::TestWithParam<std::string> {
 protected:
  RadioContract() {
    if (GetParam() == "sim")
      world = std::make_unique<SimWorld>();
    else
      world = std::make_unique<BluezWorld>();
    radio = world->make(loop);
  }
  void start() {
    ASSERT_TRUE(radio->start(ear));
    ASSERT_TRUE(ear.changes.empty()) << "reported from within start()";
    ASSERT_TRUE(loop.run_until([&] { return ear.up(); })) << radio->status().reason;
  }
  bool hears() {
    const auto before = ear.adverts.size();
    world->speak();
    return loop.run_until([&] { return ear.adverts.size() > before; });
  }
  bool on_air(const std::vector<BeaconId>& ids) {
    return loop.run_until([&] {
      const auto broadcasts = radio->status().broadcasts;
      return std::equal(broadcasts.begin(), broadcasts.end(), ids.begin(), ids.end(),
                        [](const auto& b, const auto& id) {
                          return b.broadcast.id == id && b.state != ports::BroadcastState::requested && b.error.empty();
                        });
    });
  }

  TestLoop loop;
  std::unique_ptr<World> world;
  RadioEar ear;
  std::unique_ptr<ports::Radio> radio;
};

TEST_P(RadioContract, ComesUpAndSaysSo) {
  EXPECT_FALSE(radio->status().up);
  EXPECT_FALSE(radio->status().reason.empty());
  start();
  const auto status = radio->status();
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.reason, "");
  ASSERT_EQ(status.adapters.size(), 1u);
  EXPECT_TRUE(status.adapters[0].powered);
  EXPECT_TRUE(status.adapters[0].scanning);
  EXPECT_TRUE(parse_mac(status.adapters[0].address));
}

TEST_P(RadioContract, HearsABeacon) {
  start();
  const MonoTime before = loop.mono();
  ASSERT_TRUE(hears());
  const auto& advert = ear.adverts.back();
  EXPECT_EQ(advert.rssi, -58);
  EXPECT_GE(advert.at, before);
  EXPECT_LE(advert.at, loop.mono());
  std::vector<beacon::Frame> frames;
  EXPECT_FALSE(beacon::for_each_frame(advert.data(), [&](const auto& frame) { frames.push_back(frame); }));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(std::get<beacon::IBeacon>(frames[0]), (beacon::IBeacon{kTag, -59}));
  const auto status = radio->status();
  ASSERT_LT(advert.adapter, status.adapters.size());
  EXPECT_GE(status.adapters[advert.adapter].adverts, 1u);
}

TEST_P(RadioContract, BroadcastsWhatItWasToldBeforeTheStart) {
  radio->broadcast({{kTag, -59, "auto"}});
  start();
  EXPECT_TRUE(on_air({kTag}));
}

TEST_P(RadioContract, BroadcastReplacesWhatIsOnTheAir) {
  start();
  auto other = kTag;
  other.minor = 3;
  radio->broadcast({{kTag, -59, "auto"}});
  ASSERT_TRUE(on_air({kTag}));
  radio->broadcast({{other, -59, "auto"}});
  EXPECT_TRUE(on_air({other}));
  EXPECT_TRUE(loop.run_until([&] {
    return !ear.changes.back().broadcasts.empty() && ear.changes.back().broadcasts[0].broadcast.id == other;
  })) << "the change was not reported";
  radio->broadcast({});
  EXPECT_TRUE(on_air({}));
  EXPECT_TRUE(hears()) << "the beacons are gone, the ears are not";
}

TEST_P(RadioContract, AfterStopNothingIsReported) {
  radio->broadcast({{kTag, -59, "auto"}});
  start();
  ASSERT_TRUE(hears());
  radio->stop();
  EXPECT_FALSE(radio->status().up);
  const auto adverts = ear.adverts.size(), changes = ear.changes.size();
  world->speak();
  loop.run_for(200ms);
  EXPECT_EQ(ear.adverts.size(), adverts);
  EXPECT_EQ(ear.changes.size(), changes);
}

TEST_P(RadioContract, MayBeStoppedFromAReport) {
  start();
  const auto before = ear.adverts.size();
  ear.then = [&] { radio->stop(); };
  ASSERT_TRUE(hears());
  world->speak();
  loop.run_for(100ms);
  EXPECT_EQ(ear.adverts.size(), before + 1);
  radio.reset();
}

TEST_P(RadioContract, StartsAgainAfterStop) {
  start();
  radio->stop();
  ear.changes.clear();
  start();
  EXPECT_TRUE(hears());
}

INSTANTIATE_TEST_SUITE_P(Drivers, RadioContract, testing::Values("sim", "bluez"),
                         [](const auto& made) { return made.param; });

}  // namespace
}  // namespace foyer
