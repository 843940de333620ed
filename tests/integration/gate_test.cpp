// foyer-gate between phones and an internet of network namespaces: what gets through, and what does not.
#include <gtest/gtest.h>
#include <netinet/ip_icmp.h>

#include <sys/un.h>

#include "drivers/nftables/wire.hpp"
#include "paths.hpp"
#include "support/gate_world.hpp"

namespace foyer::test {
namespace {

using namespace std::chrono_literals;

class GateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FOYER_NEEDS_ROOT();
    world_ = std::make_unique<GateWorld>();
    set_up(GateWorld::policy());
    echo_ = listener(world_->inet, GateWorld::kInet, 7);
  }

  void set_up(const ports::GatePolicy& policy) {
    auto done = world_->gate->setup(policy);
    ASSERT_TRUE(done) << done.error().message;
  }
  void admit(const ports::GuestKey& key, std::chrono::seconds ttl = 1h) {
    auto done = world_->gate->admit(key, ttl);
    ASSERT_TRUE(done) << done.error().message;
  }
  void admit(const std::string& ip) { admit(GateWorld::key(ip)); }
  void remove(const std::string& ip) {
    auto done = world_->gate->remove(GateWorld::key(ip));
    ASSERT_TRUE(done) << done.error().message;
  }
  int dial_inet(const std::string& from, std::uint16_t port = 7) {
    return dial(world_->phone, from, GateWorld::kInet, port).error;
  }
  ports::Guest guest(const std::string& ip) {
    const auto state = look();
    EXPECT_TRUE(state);
    if (state)
      for (const auto& each : state->guests)
        if (each.key.ip == *parse_ip(ip)) return each;
    return {};
  }
  Result<ports::GateState> look() {
    std::optional<Result<ports::GateState>> answer;
    world_->gate->look([&](const auto& state) { answer = state; });
    EXPECT_TRUE(world_->loop.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  /// One ICMP echo from the phone; whether it is answered at once.
  bool pings(const std::string& from, const std::string& to) {
    const InNs in(world_->phone);
    Fd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
    const Endpoint here = endpoint(from, 0), there = endpoint(to, 0);
    check(::bind(raw.get(), here.get(), here.size) == 0 && ::connect(raw.get(), there.get(), there.size) == 0, "ping");
    const std::uint8_t echo[8] = {ICMP_ECHO, 0, 0xf7, 0xfd, 0, 1, 0, 1};
    check(::send(raw.get(), echo, sizeof echo, 0) == sizeof echo, "ping");
    std::uint8_t packet[128];
    while (ready(raw, POLLIN, 1000)) {
      const ssize_t got = ::recv(raw.get(), packet, sizeof packet, MSG_DONTWAIT);
      if (got < 0) return false;  // told by ICMP
      if (got >= 28 && packet[20] == ICMP_ECHOREPLY) return true;
      if (got >= 28 && packet[20] == ICMP_DEST_UNREACH) return false;
    }
    ADD_FAILURE() << "neither answered nor refused";
    return false;
  }
  /// A datagram there and its error or answer: 0 an answer, else errno; -1 nothing.
  int datagram(const std::string& to, std::uint16_t port, const Fd& server) {
    Fd fd = bound(world_->phone, SOCK_DGRAM, "10.9.0.1", 0);
    const Endpoint target = endpoint(to, port);
    check(::connect(fd.get(), target.get(), target.size) == 0 && ::send(fd.get(), "q", 1, 0) == 1, "datagram");
    pollfd both[2] = {{server.get(), POLLIN, 0}, {fd.get(), POLLIN, 0}};
    if (::poll(both, 2, kSoonMs) <= 0) return -1;
    char byte = 0;
    if (both[0].revents == 0) return ::recv(fd.get(), &byte, 1, 0) < 0 ? errno : 0;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    check(::recvfrom(server.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size) == 1, "question");
    ::sendto(server.get(), "a", 1, 0, reinterpret_cast<sockaddr*>(&from), size);
    return ready(fd, POLLIN) && ::recv(fd.get(), &byte, 1, 0) == 1 ? 0 : -1;
  }

  std::unique_ptr<GateWorld> world_;
  Fd echo_;
};

TEST_F(GateTest, WhoIsNotInIsRefusedAtOnce) {
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  EXPECT_EQ(dial_inet("10.9.0.1", 443), ECONNREFUSED);
  EXPECT_EQ(dial(world_->phone, "fd00:9::1", GateWorld::kInet6, 443).error, ECONNREFUSED);
  const Fd udp = bound(world_->inet, SOCK_DGRAM, GateWorld::kInet, 443);
  EXPECT_NE(datagram(GateWorld::kInet, 443, udp), 0);
  EXPECT_NE(datagram(GateWorld::kInet, 443, udp), -1) << "refused, not swallowed";
  EXPECT_FALSE(pings("10.9.0.1", GateWorld::kInet));
}

TEST_F(GateTest, WhoIsInGetsOutByBothFamilies) {
  admit("10.9.0.1");
  admit("fd00:9::1");
  auto flow = world_->flow(echo_, "10.9.0.1", GateWorld::kInet, 7);
  ASSERT_TRUE(flow.open());
  EXPECT_TRUE(passes(flow.phone, flow.server));
  EXPECT_TRUE(passes(flow.server, flow.phone));
  EXPECT_TRUE(pings("10.9.0.1", GateWorld::kInet));
  const Fd echo6 = listener(world_->inet, GateWorld::kInet6, 7);
  auto flow6 = world_->flow(echo6, "fd00:9::1", GateWorld::kInet6, 7);
  ASSERT_TRUE(flow6.open());
  EXPECT_TRUE(passes(flow6.phone, flow6.server));
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED) << "another address of the same phone";
}

TEST_F(GateTest, AProbeEndsAtThePortalUntilAdmission) {
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  const Fd web = listener(world_->inet, GateWorld::kInet, 80);
  EXPECT_TRUE(world_->flow(portal, "10.9.0.1", GateWorld::kInet, 80).open());
  const Fd portal6 = listener(world_->box, "::", GateWorld::kHttp);
  EXPECT_TRUE(world_->flow(portal6, "fd00:9::1", GateWorld::kInet6, 80).open());
  admit("10.9.0.1");
  EXPECT_TRUE(world_->flow(web, "10.9.0.1", GateWorld::kInet, 80).open());
}

TEST_F(GateTest, AdmissionFreesAKeptRedirectButNotThePortalsAnswer) {
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  auto probe = world_->flow(portal, "10.9.0.1", GateWorld::kInet, 80);
  auto form = world_->flow(portal, "10.9.0.1", GateWorld::kBox, 80);
  ASSERT_TRUE(probe.open() && form.open());
  EXPECT_TRUE(passes(form.phone, form.server, "POST /join"));
  admit("10.9.0.1");
  EXPECT_TRUE(passes(form.server, form.phone, "303 to /welcome"));
  EXPECT_EQ(error_after_send(probe.phone), ECONNRESET) << "goes to the real server now, which does not know it";
}

TEST_F(GateTest, TheBoxAnswersOnItsOwnAddressForEveryone) {
  const Fd http = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  const Fd https = listener(world_->box, "0.0.0.0", GateWorld::kHttps);
  const Fd shell = listener(world_->box, "0.0.0.0", 22);
  admit("10.9.0.1");
  for (const auto* ip : {"10.9.0.1", "10.9.0.2"}) {
    EXPECT_TRUE(world_->flow(http, ip, GateWorld::kBox, 80).open()) << ip;
    EXPECT_TRUE(world_->flow(http, ip, GateWorld::kBox, GateWorld::kHttp).open()) << ip;
    EXPECT_TRUE(world_->flow(https, ip, GateWorld::kBox, 443).open()) << ip;
    EXPECT_EQ(dial(world_->phone, ip, GateWorld::kBox, 22).error, ECONNREFUSED) << ip;
    EXPECT_EQ(dial(world_->phone, ip, "198.51.100.1", 22).error, ECONNREFUSED) << ip << ", by the uplink's address";
  }
  EXPECT_EQ(dial(world_->inet, "198.51.100.2", "198.51.100.1", 22).error, 0) << "other sides are not ours";
  EXPECT_TRUE(pings("10.9.0.1", GateWorld::kBox));
  EXPECT_FALSE(pings("10.9.0.2", GateWorld::kBox));
}

TEST_F(GateTest, NamesAreAskedOfTheBoxUntilAdmission) {
  const Fd names = bound(world_->box, SOCK_DGRAM, "0.0.0.0", 53);
  const Fd clock = bound(world_->box, SOCK_DGRAM, "0.0.0.0", 123);
  const Fd foreign = bound(world_->inet, SOCK_DGRAM, GateWorld::kInet, 53);
  EXPECT_EQ(datagram(GateWorld::kInet, 53, names), 0);
  EXPECT_EQ(datagram(GateWorld::kBox, 53, names), 0);
  EXPECT_EQ(datagram(GateWorld::kBox, 123, clock), 0);
  admit("10.9.0.1");
  EXPECT_EQ(datagram(GateWorld::kInet, 53, foreign), 0);
}

TEST_F(GateTest, RemovalCutsALiveFlow) {
  admit("10.9.0.1");
  auto flow = world_->flow(echo_, "10.9.0.1", GateWorld::kInet, 7);
  ASSERT_TRUE(flow.open());
  ASSERT_TRUE(passes(flow.phone, flow.server));
  remove("10.9.0.1");
  EXPECT_EQ(error_after_send(flow.phone), ECONNRESET);
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
}

// wlan-ap of the Telecom Infra Project left a removed guest's open connections going.
TEST_F(GateTest, AKeptHttpConnectionPassesNoByteAfterRemoval) {
  const Fd web = listener(world_->inet, GateWorld::kInet, 80);
  admit("10.9.0.1");
  auto sends = world_->flow(web, "10.9.0.1", GateWorld::kInet, 80);
  auto receives = world_->flow(web, "10.9.0.1", GateWorld::kInet, 80);
  ASSERT_TRUE(sends.open() && receives.open());
  for (auto* kept : {&sends, &receives}) {
    ASSERT_TRUE(passes(kept->phone, kept->server, "GET / HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(passes(kept->server, kept->phone, "HTTP/1.1 200 OK\r\n\r\n"));
  }
  remove("10.9.0.1");
  EXPECT_FALSE(passes(receives.server, receives.phone, "the rest of a long answer"));
  EXPECT_EQ(error_after_send(sends.phone), ECONNRESET) << "the next request on the same connection";
  char byte = 0;
  EXPECT_NE(::recv(sends.server.get(), &byte, 1, MSG_DONTWAIT), 1);
  EXPECT_NE(::recv(receives.phone.get(), &byte, 1, MSG_DONTWAIT), 1);
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  EXPECT_TRUE(world_->flow(portal, "10.9.0.1", GateWorld::kInet, 80).open()) << "a new one ends at the portal";
}

TEST_F(GateTest, RemovalCutsWhatStillComesDown) {
  admit("10.9.0.1");
  const Fd server = bound(world_->inet, SOCK_DGRAM, GateWorld::kInet, 443);
  ASSERT_EQ(datagram(GateWorld::kInet, 443, server), 0);
  Fd phone = bound(world_->phone, SOCK_DGRAM, "10.9.0.1", 5000);
  const Endpoint target = endpoint(GateWorld::kInet, 443);
  ASSERT_EQ(::connect(phone.get(), target.get(), target.size), 0);
  ASSERT_EQ(::send(phone.get(), "x", 1, 0), 1);
  ASSERT_TRUE(ready(server, POLLIN));
  char byte = 0;
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  ASSERT_EQ(::recvfrom(server.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size), 1);
  remove("10.9.0.1");
  ::sendto(server.get(), "y", 1, 0, reinterpret_cast<sockaddr*>(&from), size);
  EXPECT_FALSE(ready(phone, POLLIN, 300));
}

// openNDS 9 took 10.9.0.10-19 and 10.9.0.100-199 away with 10.9.0.1: it sought rules by a piece of text.
TEST_F(GateTest, RemovalOfOneAddressLeavesThoseThatBeginLikeIt) {
  world_->add_phone_addresses(10, 19);
  world_->add_phone_addresses(100, 119);
  std::vector<std::string> others;
  for (int i = 10; i <= 119; i = i == 19 ? 100 : i + 1) others.push_back("10.9.0." + std::to_string(i));
  admit("10.9.0.1");
  for (const auto& ip : others) admit(ip);
  auto kept = world_->flow(echo_, "10.9.0.10", GateWorld::kInet, 7);
  ASSERT_TRUE(kept.open());
  remove("10.9.0.1");
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  EXPECT_TRUE(passes(kept.phone, kept.server));
  for (const auto& ip : others) EXPECT_TRUE(world_->flow(echo_, ip, GateWorld::kInet, 7).open()) << ip;
  EXPECT_EQ(look()->guests.size(), others.size());
}

TEST_F(GateTest, CountersCountAndSurviveAnExtension) {
  admit("10.9.0.1");
  auto flow = world_->flow(echo_, "10.9.0.1", GateWorld::kInet, 7);
  ASSERT_TRUE(flow.open());
  const std::string big(20'000, 'x');
  ASSERT_TRUE(passes(flow.phone, flow.server, big));
  const auto before = guest("10.9.0.1");
  EXPECT_GT(before.bytes.up, big.size());
  EXPECT_LT(before.bytes.up, big.size() * 11 / 10);
  EXPECT_GT(before.bytes.down, 0U);
  admit(GateWorld::key("10.9.0.1"), 2h);
  EXPECT_GE(guest("10.9.0.1").bytes.up, before.bytes.up);
  EXPECT_GE(guest("10.9.0.1").bytes.down, before.bytes.down);
  ASSERT_TRUE(passes(flow.server, flow.phone, big));
  EXPECT_GT(guest("10.9.0.1").bytes.down, before.bytes.down + big.size());
  remove("10.9.0.1");
  admit("10.9.0.1");
  EXPECT_EQ(guest("10.9.0.1").bytes.up, 0U);
}

TEST_F(GateTest, AKilledGateLeavesGuestsInAndTheNextOneAdoptsThem) {
  admit("10.9.0.1");
  auto flow = world_->flow(echo_, "10.9.0.1", GateWorld::kInet, 7);
  ASSERT_TRUE(flow.open());
  ASSERT_TRUE(passes(flow.phone, flow.server));
  const auto before = guest("10.9.0.1");
  bool back = false;
  world_->gate->on_back([&] { back = true; });
  world_->gate_process->stop(SIGKILL);
  EXPECT_TRUE(passes(flow.phone, flow.server));
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
  EXPECT_FALSE(look());
  world_->gate_process->start();
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_TRUE(passes(flow.phone, flow.server));
  EXPECT_GT(guest("10.9.0.1").bytes.up, before.bytes.up);
  EXPECT_LE(guest("10.9.0.1").left, before.left);
}

TEST_F(GateTest, ACleanStopLeavesTheTableAndRemoveTakesItAway) {
  admit("10.9.0.1");
  EXPECT_EQ(world_->gate_process->stop(SIGTERM), 0);
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
  const std::string program = std::string(FOYER_BIN_DIR) + "/foyer-gate";
  world_->box.run({program, "--remove"});
  EXPECT_THROW(world_->box.run({"nft", "list", "table", "inet", "foyer"}), std::runtime_error);
  world_->box.run({program, "--remove"});
}

TEST_F(GateTest, AnotherMacWithAGuestsAddressIsRefused) {
  admit(GateWorld::key("10.9.0.1", GateWorld::kOtherMac));
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
}

TEST_F(GateTest, GuestsReachNeitherEachOtherNorPrivateRanges) {
  const Fd neighbour = listener(world_->other, "10.9.0.200", 7);
  const Fd printer = listener(world_->inet, GateWorld::kPrivate, 7);
  admit("10.9.0.1");
  admit(GateWorld::key("10.9.0.200", GateWorld::kOtherMac));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(dial(world_->phone, "10.9.0.1", "10.9.0.200", 7).error, ECONNREFUSED) << "try " << i;
  EXPECT_EQ(dial(world_->phone, "10.9.0.1", GateWorld::kPrivate, 7).error, ECONNREFUSED);
  auto open = GateWorld::policy();
  open.lan_access = true;
  set_up(open);
  EXPECT_EQ(dial(world_->phone, "10.9.0.1", GateWorld::kPrivate, 7).error, 0);
  EXPECT_EQ(dial(world_->phone, "10.9.0.1", "10.9.0.200", 7).error, ECONNREFUSED);
}

TEST_F(GateTest, NobodyOutsideReachesAGuest) {
  const Fd phone = listener(world_->phone, "10.9.0.1", 7);
  admit("10.9.0.1");
  EXPECT_EQ(dial(world_->inet, GateWorld::kInet, "10.9.0.1", 7).error, ECONNREFUSED);
}

TEST_F(GateTest, WithoutAnUplinkThereIsNoWayOut) {
  auto shut = GateWorld::policy();
  shut.uplink.clear();
  set_up(shut);
  admit("10.9.0.1");
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  EXPECT_TRUE(world_->flow(portal, "10.9.0.1", GateWorld::kBox, 80).open());
}

TEST_F(GateTest, TheWalledGardenIsOpenOnlyForTls) {
  const Fd pay = listener(world_->inet, GateWorld::kInet, 443);
  EXPECT_EQ(dial_inet("10.9.0.1", 443), ECONNREFUSED);
  world_->box.run({"nft", "add", "element", "inet", "foyer", "garden4", "{ 203.0.113.5 }"});
  auto flow = world_->flow(pay, "10.9.0.1", GateWorld::kInet, 443);
  ASSERT_TRUE(flow.open());
  EXPECT_TRUE(passes(flow.server, flow.phone));
  EXPECT_EQ(dial_inet("10.9.0.1", 7), ECONNREFUSED);
}

TEST_F(GateTest, AQuotaHoldsForAllAddressesOfAGuestTogether) {
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

TEST_F(GateTest, AQuotaGoesOnWhereTheRecordedSessionWas) {
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

TEST_F(GateTest, RatesHoldUpAndDown) {
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

TEST_F(GateTest, ABlockedDeviceReachesNothingEvenIfItIsIn) {
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

// iodine and its like: names are the one thing a stranger gets an answer for.
TEST_F(GateTest, ATunnelThroughNamesIsHeldToTwentyQuestionsASecond) {
  const Fd names = bound(world_->box, SOCK_DGRAM, "0.0.0.0", 53);
  const Fd phone = bound(world_->phone, SOCK_DGRAM, "10.9.0.1", 0);
  const Endpoint foreign = endpoint(GateWorld::kInet, 53);
  ASSERT_EQ(::connect(phone.get(), foreign.get(), foreign.size), 0);
  for (int i = 0; i < 1000; ++i) static_cast<void>(::send(phone.get(), "q", 1, 0));
  int asked = 0;
  char byte = 0;
  while (::recv(names.get(), &byte, 1, MSG_DONTWAIT) == 1) ++asked;
  EXPECT_GE(asked, 100);
  EXPECT_LE(asked, 250);
}

TEST_F(GateTest, TalliesSayWhatBecameOfPackets) {
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  EXPECT_TRUE(world_->flow(portal, "10.9.0.1", GateWorld::kInet, 80).open());
  const auto tallies = look()->tallies;
  EXPECT_GE(tallies.at("refused"), 1U);
  EXPECT_EQ(tallies.at("redirected"), 1U);
  EXPECT_EQ(tallies.at("fence_cut"), 0U);
}

// A later version lays other rules over a living table; where its sets are others too, the table is made anew.
TEST_F(GateTest, AnotherVersionsTableIsMadeAnew) {
  admit("10.9.0.1");
  world_->box.run({"nft",
                   "delete chain inet foyer layout_2; add chain inet foyer layout_1; "
                   "add set inet foyer of_old { type ipv4_addr; }"});
  set_up(GateWorld::policy());
  EXPECT_THROW(world_->box.run({"nft", "list", "set", "inet", "foyer", "of_old"}), std::runtime_error);
  EXPECT_TRUE(look()->guests.empty()) << "foyerd puts them in again";
  admit("10.9.0.1");
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
}

TEST_F(GateTest, WhoIsKeptOutReachesNothingUntilTheTimeIsOver) {
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

// remove() of one who is not in took the quota and the rates of whoever has the address now.
TEST_F(GateTest, RemovingAnEarlierOwnerLeavesTheLimitsOfTheAddress) {
  auto limited = GateWorld::policy();
  limited.quota = 100'000;
  set_up(limited);
  admit(GateWorld::key("10.9.0.1", GateWorld::kOtherMac));
  ASSERT_TRUE(world_->gate->admit(GateWorld::key("10.9.0.1"), 1h, {60'000, 60'000}));
  ASSERT_TRUE(world_->gate->remove(GateWorld::key("10.9.0.1", GateWorld::kOtherMac)));
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED) << "its quota is used up";
}

TEST_F(GateTest, IcmpAndDnsOverTlsAreShutToStrangersInBothFamilies) {
  EXPECT_FALSE(pings("10.9.0.1", GateWorld::kInet));
  EXPECT_EQ(dial_inet("10.9.0.1", 853), ECONNREFUSED);
  EXPECT_EQ(dial(world_->phone, "fd00:9::1", GateWorld::kInet6, 853).error, ECONNREFUSED);
  EXPECT_EQ(dial(world_->phone, "fd00:9::1", GateWorld::kInet6, 7).error, ECONNREFUSED);
  const Fd quic = bound(world_->inet, SOCK_DGRAM, GateWorld::kInet, 443);
  EXPECT_GT(datagram(GateWorld::kInet, 443, quic), 0) << "told so, not swallowed";
}

TEST_F(GateTest, OnlyRootAndItsUserMayAsk) {
  world_->gate_process.reset();
  world_->gate_process = std::make_unique<GateProcess>(world_->box, world_->socket(), 4242);
  const auto connected = [&](uid_t uid) {  // 0 when the connection holds
    const pid_t child = ::fork();
    if (child == 0) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      world_->socket().copy(address.sun_path, sizeof address.sun_path - 1);
      Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET, 0));
      if (::setresuid(uid, uid, uid) != 0 ||
          ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        ::_exit(2);
      drivers::nftables::wire::Request ping;
      static_cast<void>(::send(fd.get(), &ping, sizeof ping, MSG_NOSIGNAL));
      drivers::nftables::wire::Reply reply;
      ::_exit(ready(fd, POLLIN) && ::recv(fd.get(), &reply, sizeof reply, 0) == sizeof reply ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(connected(4242), 0);
  EXPECT_EQ(connected(0), 0);
  EXPECT_EQ(connected(4243), 1);
}

TEST_F(GateTest, APacketThatIsNoRequestEndsItsConnectionOnly) {
  namespace wire = drivers::nftables::wire;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  world_->socket().copy(address.sun_path, sizeof address.sun_path - 1);
  wire::Request old;
  old.version = wire::kVersion + 1;
  for (const auto& packet : {std::string("?"), std::string(100, 'x'), std::string(5000, '\0'),
                             std::string(reinterpret_cast<const char*>(&old), sizeof old),
                             std::string(reinterpret_cast<const char*>(&old), sizeof(wire::BluetoothRequest))}) {
    Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_GT(::send(fd.get(), packet.data(), packet.size(), MSG_NOSIGNAL), 0);
    char byte = 0;
    ASSERT_TRUE(ready(fd, POLLIN));
    EXPECT_LE(::recv(fd.get(), &byte, 1, 0), 0);
  }
  EXPECT_TRUE(look());
}

TEST_F(GateTest, AStoppedGateCostsOneDeadlineAndThenFailsAtOnce) {
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGSTOP), 0);
  const MonoTime start = world_->loop.mono();
  EXPECT_FALSE(world_->gate->admit(GateWorld::key("10.9.0.1"), 1h));
  EXPECT_LT(world_->loop.mono() - start, 400ms);
  const MonoTime after = world_->loop.mono();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(world_->gate->remove(GateWorld::key("10.9.0.1")));
  EXPECT_LT(world_->loop.mono() - after, 100ms);
  bool back = false;
  world_->gate->on_back([&] { back = true; });
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGCONT), 0);
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_TRUE(look());
}

/// A kernel that loads its modules first takes longer than setup() waits: foyerd stayed without a gate for good.
TEST_F(GateTest, AFirstSetupThatIsAnsweredTooLateIsAskedForAgain) {
  auto fresh = drivers::nftables::make_gate({world_->socket()}, world_->loop, world_->loop);
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGSTOP), 0);
  EXPECT_FALSE(fresh->setup(GateWorld::policy()));
  bool back = false;
  fresh->on_back([&] { back = true; });
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGCONT), 0);
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_TRUE(fresh->admit(GateWorld::key("10.9.0.1"), 1h));
}

}  // namespace
}  // namespace foyer::test
