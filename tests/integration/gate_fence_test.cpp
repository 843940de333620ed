// The fence around the portal's ports: connections a source, their life, their bytes, and who is shut out.
#include <gtest/gtest.h>

#include "support/gate_world.hpp"

namespace foyer::test {
namespace {

using namespace std::chrono_literals;

class Fence : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    FOYER_NEEDS_ROOT();
    world_ = std::make_unique<GateWorld>();
    ASSERT_TRUE(world_->gate->setup(GateWorld::policy()));
    portal_ = listener(world_->box, v6() ? "::" : "0.0.0.0", GateWorld::kHttp);
  }

  bool v6() const { return std::string(GetParam()) == "v6"; }
  const char* phone() const { return v6() ? "fd00:9::1" : "10.9.0.1"; }
  const char* second() const { return v6() ? "fd00:9::2" : "10.9.0.2"; }
  const char* box() const { return v6() ? GateWorld::kBox6 : GateWorld::kBox; }
  GateWorld::Flow open(const char* from) { return world_->flow(portal_, from, box(), 80); }
  int refused(const char* from) { return dial(world_->phone, from, box(), 80).error; }

  /// Sends until the kernel resets the connection; how much the portal read by then.
  std::size_t flood(GateWorld::Flow& flow) {
    const std::string block(4096, 'x');
    std::size_t got = 0;
    for (int i = 0; i < 200; ++i) {
      if (::send(flow.phone.get(), block.data(), block.size(), MSG_NOSIGNAL) < 0) return got;
      char buffer[65536];
      while (ready(flow.server, POLLIN, 20)) {
        const ssize_t n = ::recv(flow.server.get(), buffer, sizeof buffer, 0);
        if (n <= 0) break;
        got += static_cast<std::size_t>(n);
      }
      if (ready(flow.phone, POLLERR | POLLHUP, 0) && (got > 0)) {
        pollfd state{flow.phone.get(), 0, 0};
        if (::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0) return got;
      }
    }
    return got;
  }

  std::unique_ptr<GateWorld> world_;
  Fd portal_;
};

TEST_P(Fence, TheNinthConnectionOfASourceIsRefused) {
  if (v6()) world_->phone.run({"ip", "-6", "addr", "add", "fd00:9::2/128", "dev", "p0", "nodad"});
  std::vector<GateWorld::Flow> flows;
  for (int i = 0; i < 8; ++i) {
    flows.push_back(open(phone()));
    ASSERT_TRUE(flows.back().open()) << i;
  }
  EXPECT_EQ(refused(phone()), ECONNREFUSED);
  EXPECT_TRUE(open(second()).open()) << "another source";
  for (auto& flow : flows) EXPECT_TRUE(passes(flow.phone, flow.server));
  flows[0].server.close();
  flows[0].phone.close();
  auto tick = world_->loop.every(50ms, [] {});
  EXPECT_TRUE(world_->loop.run_until([&] { return open(phone()).open(); })) << "one was closed";
}

// A phone can give itself any number of addresses: with 24 of them it held every worker of the portal, and with forged
// ones it filled the sets of the fence so that everybody was refused.
TEST_P(Fence, ADeviceHasALimitHoweverManyAddresses) {
  std::vector<std::string> addresses;
  for (int i = 10; i < 35; ++i) addresses.push_back((v6() ? "fd00:9::" : "10.9.0.") + std::to_string(i));
  for (const auto& ip : addresses)
    if (v6())
      world_->phone.run({"ip", "-6", "addr", "add", ip + "/128", "dev", "p0", "nodad"});
    else
      world_->phone.run({"ip", "addr", "add", ip + "/32", "dev", "p0"});
  std::vector<GateWorld::Flow> held;
  for (const auto& ip : addresses)
    for (int i = 0; i < 8; ++i)
      if (auto flow = open(ip.c_str()); flow.open()) held.push_back(std::move(flow));
  EXPECT_EQ(held.size(), 176U) << "16 of the portal's 192 workers are left";
  EXPECT_EQ(refused(addresses.front().c_str()), ECONNREFUSED);
  const auto other = dial(world_->other, v6() ? "fd00:9::200" : "10.9.0.200", box(), 80);
  EXPECT_EQ(other.error, 0) << "another device";
}

TEST_P(Fence, AConnectionLivesEightSeconds) {
  auto flow = open(phone());
  ASSERT_TRUE(flow.open());
  const MonoTime start = world_->loop.mono();
  int error = 0;
  auto tick = world_->loop.every(200ms, [&] { error = error_after_send(flow.phone, 1); });
  ASSERT_TRUE(world_->loop.run_until([&] { return error == ECONNRESET || error == EPIPE; }, 12s));
  EXPECT_GT(world_->loop.mono() - start, 7s);
  EXPECT_TRUE(open(phone()).open()) << "once is not an offence";
}

TEST_P(Fence, AConnectionMaySend64KiB) {
  auto flow = open(phone());
  ASSERT_TRUE(flow.open());
  const std::size_t got = flood(flow);
  EXPECT_GT(got, 48U * 1024);  // headers of packets count as well
  EXPECT_LE(got, 64U * 1024);
}

TEST_P(Fence, ASourceCutMoreThanFiveTimesInAMinuteIsShutOut) {
  for (int i = 0; i < 5; ++i) {
    auto flow = open(phone());
    ASSERT_TRUE(flow.open()) << i;
    flood(flow);
  }
  auto sixth = open(phone());
  ASSERT_TRUE(sixth.open()) << "five in a minute are borne";
  flood(sixth);
  EXPECT_EQ(refused(phone()), ECONNREFUSED);
  if (v6()) world_->phone.run({"ip", "-6", "addr", "add", "fd00:9::2/128", "dev", "p0", "nodad"});
  EXPECT_TRUE(open(second()).open()) << "another source";
}

TEST_P(Fence, ANewPolicyLeavesTheFenceAsItIs) {
  std::vector<GateWorld::Flow> flows;
  for (int i = 0; i < 8; ++i) flows.push_back(open(phone()));
  ASSERT_TRUE(world_->gate->setup(GateWorld::policy()));
  for (auto& flow : flows) {
    ASSERT_TRUE(flow.open());
    EXPECT_TRUE(passes(flow.phone, flow.server));
  }
  EXPECT_EQ(refused(phone()), ECONNREFUSED);
}

TEST(FenceSources, AnAddressThatIsNotOfTheGuestsNetworkIsDropped) {
  FOYER_NEEDS_ROOT();
  GateWorld world;
  ASSERT_TRUE(world.gate->setup(GateWorld::policy()));
  const Fd portal = listener(world.box, "0.0.0.0", GateWorld::kHttp);
  world.phone.run({"ip", "addr", "add", "192.0.2.7/32", "dev", "p0"});
  constexpr std::uint16_t kFrom = 4444;
  const auto counted = [&](const std::string& ip) {
    try {
      world.box.run({"nft", "get", "element", "inet", "foyer", "fence_life4", "{ " + ip + " . 4444 }"});
    } catch (const std::runtime_error&) {
      return false;
    }
    return true;
  };
  EXPECT_EQ(dial(world.phone, "192.0.2.7", GateWorld::kBox, 80, 300, kFrom).error, ETIMEDOUT);
  EXPECT_EQ(dial(world.phone, "10.9.0.1", GateWorld::kBox, 80, kSoonMs, kFrom).error, 0);
  EXPECT_FALSE(counted("192.0.2.7"));
  EXPECT_TRUE(counted("10.9.0.1"));
}

INSTANTIATE_TEST_SUITE_P(Families, Fence, ::testing::Values("v4", "v6"), [](const auto& each) { return each.param; });

}  // namespace
}  // namespace foyer::test
