// What foyer-gate holds guests to: quotas, rates, times, names asked, and who is not to come in at all.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

#include "support/gate_case.hpp"

namespace foyer::test {
namespace {

using GateLimits = GateTest;

TEST_F(GateLimits, TheWalledGardenIsOpenOnlyForTls) {
  const Fd pay = listener(world_->inet, GateWorld::kInet, 443);
  EXPECT_EQ(dial_inet("10.9.0.1", 443), ECONNREFUSED);
  world_->box.run({"nft", "add", "element", "inet", "foyer", "garden4", "{ 203.0.113.5 }"});
  auto flow = world_->flow(pay, "10.9.0.1", GateWorld::kInet, 443);
  ASSERT_TRUE(flow.open());
  EXPECT_TRUE(passes(flow.server, flow.phone));
  EXPECT_EQ(dial_inet("10.9.0.1", 7), ECONNREFUSED);
}

TEST_F(GateLimits, AQuotaHoldsForAllAddressesOfAGuestTogether) {
  auto limited = GateWorld::policy();
  limited.quota = 100'000;
  set_up(limited);
  admit("10.9.0.1");
  admit("fd00:9::1");
  auto flow = world_->flow(echo_, "10.9.0.1", GateWorld::kInet, 7);
  ASSERT_TRUE(flow.open());
  EXPECT_TRUE(passes(flow.phone, flow.server, std::string(40'000, 'x')));
  EXPECT_TRUE(passes(flow.server, flow.phone, std::string(40'000, 'x')));
  const Fd echo6 = listener(world_->inet, GateWorld::kInet6, 7);
  auto flow6 = world_->flow(echo6, "fd00:9::1", GateWorld::kInet6, 7);
  ASSERT_TRUE(flow6.open()) << "a little is left";
  EXPECT_FALSE(passes(flow6.phone, flow6.server, std::string(40'000, 'x')));
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  EXPECT_GT(look()->tallies.at("over_quota"), 0U);
  // Another session has a quota of its own; without a quota nobody is held.
  remove("10.9.0.1");
  remove("fd00:9::1");
  admit("10.9.0.1");
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
  ASSERT_TRUE(world_->gate->admit(GateWorld::key("10.9.0.2"), 1h, {60'000, 60'000}));
  EXPECT_EQ(dial_inet("10.9.0.2"), 0) << "the object of the MAC is there already";
}

TEST_F(GateLimits, AQuotaGoesOnWhereTheRecordedSessionWas) {
  auto limited = GateWorld::policy();
  limited.quota = 100'000;
  set_up(limited);
  ASSERT_TRUE(world_->gate->admit(GateWorld::key("10.9.0.1"), 1h, {60'000, 60'000}));
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  ASSERT_TRUE(world_->gate->admit(GateWorld::key("10.9.0.1"), 2h, {0, 0}));
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED) << "an extension gives nothing back";
  set_up(GateWorld::policy());
  EXPECT_EQ(dial_inet("10.9.0.1"), 0) << "the quota was taken away";
}

TEST_F(GateLimits, RatesHoldUpAndDown) {
  auto limited = GateWorld::policy();
  limited.up_bps = 800'000;  // 100 kB/s after the first 128 KiB
  limited.down_bps = 800'000;
  set_up(limited);
  admit("10.9.0.1");
  const Fd server = bound(world_->inet, SOCK_DGRAM, GateWorld::kInet, 9);
  const Fd phone = bound(world_->phone, SOCK_DGRAM, "10.9.0.1", 9009);
  const Endpoint there = endpoint(GateWorld::kInet, 9);
  const auto burst = [](const Fd& from, const Fd& to, const sockaddr* target, socklen_t size) {
    int buffer = 8 << 20;
    ::setsockopt(to.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    const std::string packet(1000, 'x');
    for (int i = 0; i < 1000; ++i) ::sendto(from.get(), packet.data(), packet.size(), 0, target, size);
    int got = 0;
    char into[1500];
    sockaddr_storage last{};
    socklen_t length = sizeof last;
    while (::recvfrom(to.get(), into, sizeof into, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&last), &length) > 0)
      ++got;
    return std::pair{got, last};
  };
  const auto [up, source] = burst(phone, server, there.get(), there.size);
  EXPECT_GT(up, 100);
  EXPECT_LT(up, 400);
  const auto [down, unused] = burst(server, phone, reinterpret_cast<const sockaddr*>(&source), sizeof(sockaddr_in));
  EXPECT_GT(down, 100);
  EXPECT_LT(down, 400);
  EXPECT_GT(look()->tallies.at("over_rate"), 1000U);
}

TEST_F(GateLimits, ABlockedDeviceReachesNothingEvenIfItIsIn) {
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  admit("10.9.0.1");
  auto policy = GateWorld::policy();
  policy.blocked = {*parse_mac(GateWorld::kPhoneMac)};
  set_up(policy);
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  EXPECT_EQ(dial(world_->phone, "10.9.0.1", GateWorld::kBox, 80).error, ECONNREFUSED);
  set_up(GateWorld::policy());
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
}

TEST_F(GateLimits, ATunnelThroughNamesIsHeldToTwentyQuestionsASecond) {
  const Fd names = bound(world_->box, SOCK_DGRAM, "0.0.0.0", 53);
  world_->add_phone_addresses(3, 5);
  const Endpoint foreign = endpoint(GateWorld::kInet, 53);
  std::vector<Fd> phone;  // with as many addresses as it likes
  for (int i = 1; i <= 5; ++i) {
    phone.push_back(bound(world_->phone, SOCK_DGRAM, "10.9.0." + std::to_string(i), 0));
    ASSERT_EQ(::connect(phone.back().get(), foreign.get(), foreign.size), 0);
  }
  for (int i = 0; i < 1000; ++i) static_cast<void>(::send(phone[static_cast<std::size_t>(i) % 5].get(), "q", 1, 0));
  int asked = 0;
  char byte = 0;
  while (::recv(names.get(), &byte, 1, MSG_DONTWAIT) == 1) ++asked;
  EXPECT_GE(asked, 100);
  EXPECT_LE(asked, 250);
  const Fd other = bound(world_->other, SOCK_DGRAM, "10.9.0.200", 0);
  ASSERT_EQ(::connect(other.get(), foreign.get(), foreign.size), 0);
  ASSERT_EQ(::send(other.get(), "q", 1, 0), 1);
  EXPECT_TRUE(ready(names, POLLIN)) << "another device is answered";
}

TEST_F(GateLimits, AQuestionForAnAddressComesFromNobodyAndIsHeard) {
  const Fd dhcp = bound(world_->box, SOCK_DGRAM, "0.0.0.0", 67);
  const InNs in(world_->phone);
  const Fd wire(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_ll everybody{};
  everybody.sll_family = AF_PACKET;
  everybody.sll_protocol = htons(ETH_P_IP);
  everybody.sll_ifindex = static_cast<int>(::if_nametoindex("p0"));
  everybody.sll_halen = 6;
  std::fill_n(everybody.sll_addr, 6, std::uint8_t{0xff});
  // RFC 791 and 768: from 0.0.0.0 port 68 to 255.255.255.255 port 67, one byte; the sum over the header is 7ad1.
  const std::uint8_t packet[29] = {0x45, 0,   0,   29,  0,   0, 0,  0, 64, 17, 0x7a, 0xd1, 0, 0,  0,
                                   0,    255, 255, 255, 255, 0, 68, 0, 67, 0,  9,    0,    0, '?'};
  ASSERT_EQ(
      ::sendto(wire.get(), packet, sizeof packet, 0, reinterpret_cast<const sockaddr*>(&everybody), sizeof everybody),
      static_cast<ssize_t>(sizeof packet));
  EXPECT_TRUE(ready(dhcp, POLLIN));
}

TEST_F(GateLimits, WhoIsKeptOutReachesNothingUntilTheTimeIsOver) {
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  admit("10.9.0.1");
  admit("10.9.0.2");
  ASSERT_TRUE(world_->gate->remove(GateWorld::key("10.9.0.1"), 1h));
  EXPECT_EQ(dial(world_->phone, "10.9.0.1", GateWorld::kBox, 80).error, ECONNREFUSED) << "not even the portal";
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED) << "another address of the same device";
  const auto kept = look()->kept_out;
  ASSERT_TRUE(kept.contains(*parse_mac(GateWorld::kPhoneMac)));
  EXPECT_LE(kept.begin()->second, 1h);
  EXPECT_GE(kept.begin()->second, 1h - 10s);
  set_up(GateWorld::policy());
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED) << "a reload does not let it in";
  ASSERT_TRUE(world_->gate->remove(GateWorld::key("10.9.0.1"), 1s)) << "a shorter time counts";
  auto tick = world_->loop.every(50ms, [] {});
  EXPECT_TRUE(world_->loop.run_until([&] { return dial_inet("10.9.0.2") == 0; }, 8s)) << "the kernel ends it";
  ASSERT_TRUE(world_->gate->remove(GateWorld::key("10.9.0.1"), 1h));
  ASSERT_TRUE(world_->gate->remove(GateWorld::key("10.9.0.1"), 0s));
  EXPECT_EQ(dial_inet("10.9.0.2"), 0) << "let in again by hand";
}

TEST_F(GateLimits, RemovingAnEarlierOwnerLeavesTheLimitsOfTheAddress) {
  auto limited = GateWorld::policy();
  limited.quota = 100'000;
  set_up(limited);
  admit(GateWorld::key("10.9.0.1", GateWorld::kOtherMac));
  ASSERT_TRUE(world_->gate->admit(GateWorld::key("10.9.0.1"), 1h, {60'000, 60'000}));
  ASSERT_TRUE(world_->gate->remove(GateWorld::key("10.9.0.1", GateWorld::kOtherMac)));
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED) << "its quota is used up";
}

}  // namespace
}  // namespace foyer::test
