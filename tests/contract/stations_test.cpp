// What every Stations does: the simulated one, the kernel's neighbour table in a network namespace.
#include <gtest/gtest.h>

#include "drivers/neighbour/neighbour.hpp"
#include "drivers/sim/stations.hpp"
#include "support/netns.hpp"
#include "support/test_loop.hpp"

namespace foyer {
namespace {

struct Quiet final : ports::StationEvents {
  void on_station(const ports::Station&) override {}
};

/// Two devices are there: 127.0.0.2 and 127.0.0.3 where simulated, 10.9.0.2 and 10.9.0.3 as neighbours.
struct House {
  std::string network;
  test::TestLoop loop;
  std::unique_ptr<test::NetNs> box;
  std::unique_ptr<ports::Stations> stations;
};

std::unique_ptr<House> simulated() {
  auto house = std::make_unique<House>();
  house->network = "127.0.0.";
  house->stations = drivers::sim::make_stations();
  return house;
}

std::unique_ptr<House> neighbours() {
  auto house = std::make_unique<House>();
  house->network = "10.9.0.";
  house->box = std::make_unique<test::NetNs>();
  house->box->run({"ip", "link", "add", "g0", "type", "bridge"});
  house->box->run({"ip", "addr", "add", "10.9.0.1/24", "dev", "g0"});
  house->box->run({"ip", "link", "set", "g0", "up"});
  for (const std::string last : {"2", "3"})
    house->box->run({"ip", "neigh", "replace", "10.9.0." + last, "lladdr", "02:00:00:00:00:0" + last, "dev", "g0",
                     "nud", "reachable"});
  house->stations = drivers::neighbour::make_stations({"g0"}, house->loop);
  return house;
}

class StationsContract : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      house_ = simulated();
      ASSERT_TRUE(house_->stations->start(events_));
    } else {
      FOYER_NEEDS_ROOT();
      house_ = neighbours();
      const test::InNs in(*house_->box);
      ASSERT_TRUE(house_->stations->start(events_));
    }
  }
  IpAddress ip(int last) const { return *parse_ip(house_->network + std::to_string(last)); }

  Quiet events_;
  std::unique_ptr<House> house_;
};

TEST_P(StationsContract, TwoAddressesAreTwoDevices) {
  auto second = house_->stations->find(ip(2)), third = house_->stations->find(ip(3));
  ASSERT_TRUE(second);
  ASSERT_TRUE(third);
  EXPECT_NE(second->mac, third->mac);
  EXPECT_TRUE(second->associated);
  EXPECT_EQ(second->ips, std::vector{ip(2)});
  EXPECT_EQ(second->mac.bytes[0] & 3, 2) << "locally administered, of one device";
}

TEST_P(StationsContract, TheSameAddressIsTheSameDevice) {
  auto first = house_->stations->find(ip(2)), again = house_->stations->find(ip(2));
  ASSERT_TRUE(first);
  ASSERT_TRUE(again);
  EXPECT_EQ(first->mac, again->mac);
}

TEST_P(StationsContract, AllHasEveryDeviceThatWasFound) {
  const auto found = house_->stations->find(ip(2));
  ASSERT_TRUE(found);
  ASSERT_TRUE(house_->stations->find(ip(3)));
  const auto all = house_->stations->all();
  EXPECT_EQ(all.size(), 2U);
  EXPECT_EQ(std::ranges::count(all, found->mac, &ports::Station::mac), 1);
}

INSTANTIATE_TEST_SUITE_P(Stations, StationsContract, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "sim" : "neighbour"; });

TEST(SimStations, EveryAddressHasAStableMacAndASignal) {
  const auto stations = drivers::sim::make_stations();
  auto second = stations->find(*parse_ip("127.0.0.2"));
  ASSERT_TRUE(second);
  EXPECT_EQ(to_string(second->mac), "02:00:7f:00:00:02");
  EXPECT_EQ(second->signal_dbm, std::int8_t{-50});
  EXPECT_TRUE(stations->find(*parse_ip("127.0.0.1")));
  auto v6 = stations->find(*parse_ip("::1"));
  ASSERT_TRUE(v6);
  EXPECT_NE(v6->mac, second->mac);
}

TEST(SimStations, ForgetsTheOldestBeyondItsLimit) {
  const auto stations = drivers::sim::make_stations();
  for (int high = 0; high < 20; ++high)
    for (int low = 1; low <= 250; ++low) ASSERT_TRUE(stations->find(*parse_ip(fmt::format("127.1.{}.{}", high, low))));
  EXPECT_EQ(stations->all().size(), 4096U);
}

}  // namespace
}  // namespace foyer
