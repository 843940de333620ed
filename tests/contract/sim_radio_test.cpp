#include "drivers/sim/sim_radio.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "paths.hpp"
#include "support/manual_time.hpp"
#include "support/radio_ear.hpp"

/// What only the simulated radio does: its scenario.
namespace foyer::drivers::sim {
namespace {

using namespace std::chrono_literals;

const std::string kBeacon = "shoppers:\n  - beacon: {uuid: fda50693-a4e2-4fb1-afcf-c6eb07647825, major: 1, minor: 2}\n";

struct Shop {
  explicit Shop(const std::string& rest) {
    radio = make_radio(parse_scenario(kBeacon + rest, "test").value(), timers, clock, 7);
    EXPECT_TRUE(radio->start(ear));
  }
  std::size_t heard_in(std::chrono::milliseconds time) {
    ear.adverts.clear();
    timers.advance(time);
    return ear.adverts.size();
  }
  test::ManualClock clock;
  test::ManualTimers timers{clock};
  test::RadioEar ear;
  std::unique_ptr<ports::Radio> radio;
};

TEST(SimRadio, ComesStaysGoesAndComesAgain) {
  Shop shop("    arrive: 2s\n    stay: 10s\n    repeat: 20s\n    rssi: -58\n    interval: 1s\n");
  EXPECT_EQ(shop.heard_in(1900ms), 0u);
  EXPECT_EQ(shop.heard_in(10s), 10u);
  EXPECT_EQ(shop.heard_in(20s), 0u);
  EXPECT_EQ(shop.heard_in(10s), 10u);
}

TEST(SimRadio, FollowsThePath) {
  Shop shop("    path: [{at: 0s, rssi: -90}, {at: 10s, rssi: -50}]\n    interval: 1s\n");
  shop.heard_in(20s);
  EXPECT_EQ(shop.ear.adverts[0].rssi, -90);
  EXPECT_EQ(shop.ear.adverts[5].rssi, -70);
  EXPECT_EQ(shop.ear.adverts[15].rssi, -50);
}

TEST(SimRadio, NoiseIsAsWideAsAskedAndAddressesRotate) {
  Shop shop("    rssi: -60\n    interval: 100ms\n    noise: 4\n    rotate_address: 1m\n");
  const auto count = shop.heard_in(10min);
  double sum = 0, squares = 0;
  std::set<MacAddress> addresses;
  for (const auto& advert : shop.ear.adverts) {
    sum += advert.rssi;
    squares += double{advert.rssi + 60.0} * (advert.rssi + 60.0);
    addresses.insert(advert.address);
  }
  EXPECT_NEAR(sum / static_cast<double>(count), -60, 0.3);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(count)), 4, 0.3);
  EXPECT_NEAR(static_cast<double>(addresses.size()), 10, 1);
}

TEST(SimRadio, CountMakesNeighboursAndAnEmptyScenarioIsSilence) {
  Shop shop("    rssi: -60\n    interval: 1s\n    count: 5\n");
  EXPECT_NEAR(static_cast<double>(shop.heard_in(10s)), 50, 5);
  EXPECT_TRUE(parse_scenario("", "empty")->shoppers.empty());
}

TEST(SimScenario, TellsEveryFaultWithItsPlace) {
  const auto faults = [](const std::string& text) {
    const auto scenario = parse_scenario(text, "s.yaml");
    std::vector<std::string> all;
    if (!scenario)
      for (const auto& fault : scenario.error())
        all.push_back(fmt::format("{}:{}: {}", fault.line, fault.column, fault.key));
    return all;
  };
  using Places = std::vector<std::string>;
  EXPECT_EQ(faults(kBeacon + "    rssi: -60\n    colour: red\n    interval: 1ms\n    count: 0\n"),
            (Places{"4:5: shoppers[0].colour", "5:15: shoppers[0].interval", "6:12: shoppers[0].count"}));
  EXPECT_EQ(faults(kBeacon + "    rssi: -60\n    rssi: -61\n"), (Places{"4:5: shoppers[0].rssi"}));
  EXPECT_EQ(faults(kBeacon), (Places{"2:5: shoppers[0]"}));
  EXPECT_EQ(faults("shoppers: 3\n"), (Places{"1:11: shoppers"}));
  EXPECT_EQ(faults("walkers: []\n"), (Places{"1:1: walkers"}));
  EXPECT_EQ(faults("shoppers: [\n").size(), 1u);
  EXPECT_EQ(read_scenario("/nonexistent").error().at(0).file, "/nonexistent");
}

TEST(SimScenario, TheShippedOneIsValid) {
  const auto shop = read_scenario(FOYER_SOURCE_DIR "/config/scenarios/shop.yaml");
  ASSERT_TRUE(shop) << to_string(shop.error().at(0));
  EXPECT_EQ(shop->shoppers.size(), 5u);
}

}  // namespace
}  // namespace foyer::drivers::sim
