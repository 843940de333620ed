// Stations from the kernel's neighbour table, in a network namespace.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "drivers/neighbour/neighbour.hpp"
#include "support/netns.hpp"
#include "support/test_loop.hpp"

namespace foyer::test {
namespace {

struct Recorder final : ports::StationEvents {
  void on_station(const ports::Station& station) override { seen.push_back(station); }
  std::optional<ports::Station> last(const char* mac) const {
    for (auto each = seen.rbegin(); each != seen.rend(); ++each)
      if (each->mac == *parse_mac(mac)) return *each;
    return std::nullopt;
  }
  std::vector<ports::Station> seen;
};

class NeighbourTest : public ::testing::Test {
 protected:
  static constexpr const char* kMac = "02:00:00:00:00:0a";
  static constexpr const char* kOther = "02:00:00:00:00:0b";

  void SetUp() override {
    FOYER_NEEDS_ROOT();
    box_ = std::make_unique<NetNs>();
    stations_ = drivers::neighbour::make_stations({"g0"}, loop_);
  }
  void start() {
    const InNs in(*box_);
    auto started = stations_->start(events_);
    ASSERT_TRUE(started) << started.error().message;
  }
  void link() {
    box_->run({"ip", "link", "add", "g0", "type", "bridge"});
    box_->run({"ip", "addr", "add", "10.9.0.1/24", "dev", "g0"});
    box_->run({"ip", "link", "set", "g0", "up"});
  }
  void neighbour(const std::string& ip, const char* mac, const char* state = "reachable", const char* device = "g0") {
    box_->run({"ip", "neigh", "replace", ip, "lladdr", mac, "dev", device, "nud", state});
  }
  bool told(const std::function<bool()>& what) {  // the driver asks by name: within its namespace
    const InNs in(*box_);
    return loop_.run_until(what);
  }

  TestLoop loop_;
  std::unique_ptr<NetNs> box_;
  Recorder events_;
  std::unique_ptr<ports::Stations> stations_;
};

TEST_F(NeighbourTest, KnowsWhoWasThereBeforeAndTellsWhoComes) {
  link();
  neighbour("10.9.0.10", kMac);
  start();
  auto known = stations_->find(*parse_ip("10.9.0.10"));
  ASSERT_TRUE(known);
  EXPECT_EQ(to_string(known->mac), kMac);
  EXPECT_TRUE(known->associated);
  EXPECT_FALSE(known->signal_dbm);
  neighbour("10.9.0.11", kOther);
  EXPECT_TRUE(told([&] { return events_.last(kOther).has_value(); }));
}

TEST_F(NeighbourTest, GathersBothFamiliesOfOneDevice) {
  link();
  start();
  neighbour("10.9.0.10", kMac);
  neighbour("fe80::10", kMac);
  EXPECT_TRUE(told([&] { return events_.last(kMac) && events_.last(kMac)->ips.size() == 2; }));
  EXPECT_EQ(stations_->all().size(), 1U);
}

TEST_F(NeighbourTest, FindsWhoseEventHasNotBeenReadYet) {
  link();
  start();
  neighbour("10.9.0.10", kMac, "stale");
  auto found = stations_->find(*parse_ip("10.9.0.10"));  // the loop did not run
  ASSERT_TRUE(found);
  EXPECT_EQ(to_string(found->mac), kMac);
  EXPECT_TRUE(found->associated);
  auto nobody = stations_->find(*parse_ip("10.9.0.99"));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::refuse);
}

TEST_F(NeighbourTest, AFailedNeighbourIsNotAssociatedAndADeletedOneIsGone) {
  link();
  start();
  neighbour("10.9.0.10", kMac);
  ASSERT_TRUE(told([&] { return events_.last(kMac).has_value(); }));
  box_->run({"ip", "neigh", "change", "10.9.0.10", "dev", "g0", "nud", "failed"});
  EXPECT_TRUE(told([&] { return !events_.last(kMac)->associated; }));
  box_->run({"ip", "neigh", "flush", "dev", "g0"});
  EXPECT_TRUE(told([&] { return stations_->all().empty(); }));
}

TEST_F(NeighbourTest, AnAddressThatChangesHandsIsToldForBoth) {
  link();
  start();
  neighbour("10.9.0.10", kMac);
  ASSERT_TRUE(told([&] { return events_.last(kMac).has_value(); }));
  neighbour("10.9.0.10", kOther);
  EXPECT_TRUE(told([&] { return events_.last(kOther) && events_.last(kMac)->ips.empty(); }));
  EXPECT_FALSE(events_.last(kMac)->associated);
}

TEST_F(NeighbourTest, OtherInterfacesAreNotOurs) {
  link();
  box_->run({"ip", "link", "add", "u0", "type", "bridge"});
  box_->run({"ip", "link", "set", "u0", "up"});
  start();
  neighbour("10.9.0.12", kOther, "reachable", "u0");
  neighbour("10.9.0.10", kMac);
  ASSERT_TRUE(told([&] { return events_.last(kMac).has_value(); }));
  EXPECT_FALSE(events_.last(kOther));
  EXPECT_FALSE(stations_->find(*parse_ip("10.9.0.12")));
}

TEST_F(NeighbourTest, TheInterfaceMayComeLaterAndGoAndComeAgain) {
  start();
  EXPECT_FALSE(stations_->find(*parse_ip("10.9.0.10")));
  for (int round = 0; round < 2; ++round) {
    link();
    neighbour("10.9.0.10", kMac);
    ASSERT_TRUE(told([&] { return stations_->all().size() == 1; })) << round;
    box_->run({"ip", "link", "delete", "g0"});
    ASSERT_TRUE(told([&] { return stations_->all().empty(); })) << round;
  }
}

TEST_F(NeighbourTest, NobodyIsThrownOff) {
  link();
  start();
  auto done = stations_->deauthenticate(*parse_mac(kMac));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::degrade);
}

}  // namespace
}  // namespace foyer::test
