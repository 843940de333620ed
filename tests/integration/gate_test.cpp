// foyer-gate between phones and an internet of network namespaces: what gets through, and what does not.
#include <sys/un.h>

#include <sstream>

#include "drivers/nftables/near.hpp"
#include "drivers/nftables/wire.hpp"
#include "paths.hpp"
#include "support/gate_case.hpp"

namespace foyer::test {
namespace {

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

TEST_F(GateTest, NamesAreAskedOfTheBoxOverTcpAndIpv6Too) {
  const Fd tcp = listener(world_->box, "0.0.0.0", 53), tcp6 = listener(world_->box, "::", 53);
  const Fd udp6 = bound(world_->box, SOCK_DGRAM, "::", 53);
  EXPECT_TRUE(world_->flow(tcp, "10.9.0.1", GateWorld::kInet, 53).open());
  EXPECT_TRUE(world_->flow(tcp6, "fd00:9::1", GateWorld::kInet6, 53).open());
  EXPECT_EQ(datagram(GateWorld::kInet6, 53, udp6), 0);
  const Fd foreign = listener(world_->inet, GateWorld::kInet, 53);
  const Fd foreign6 = bound(world_->inet, SOCK_DGRAM, GateWorld::kInet6, 53);
  admit("10.9.0.1");
  admit("fd00:9::1");
  EXPECT_TRUE(world_->flow(foreign, "10.9.0.1", GateWorld::kInet, 53).open());
  EXPECT_EQ(datagram(GateWorld::kInet6, 53, foreign6), 0);
}

TEST_F(GateTest, RemovalForgetsTheFlowsOfTheGuestAndOfNobodyElse) {
  for (const auto* ip : {"10.9.0.1", "10.9.0.2"}) admit(ip);
  auto gone = world_->flow(echo_, "10.9.0.1", GateWorld::kInet, 7);
  auto stays = world_->flow(echo_, "10.9.0.2", GateWorld::kInet, 7);
  ASSERT_TRUE(gone.open() && stays.open());
  const auto known = [&](const std::string& ip) {
    const InNs in(world_->box);
    std::ifstream flows("/proc/thread-self/net/nf_conntrack");
    check(flows.good(), "nf_conntrack");
    for (std::string line; std::getline(flows, line);)
      if (line.find("src=" + ip + " dst=203.0.113.5") != std::string::npos) return true;
    return false;
  };
  ASSERT_TRUE(known("10.9.0.1") && known("10.9.0.2"));
  remove("10.9.0.1");
  auto tick = world_->loop.every(20ms, [] {});
  EXPECT_TRUE(world_->loop.run_until([&] { return !known("10.9.0.1"); }));
  EXPECT_TRUE(known("10.9.0.2"));
  EXPECT_TRUE(passes(stays.phone, stays.server));
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

// With IPv6 the shop's own devices have public addresses, and guests reached them.
TEST_F(GateTest, GuestsDoNotReachTheNetworkThatTheUplinkWasGiven) {
  const InNs in(world_->box);  // the gate's client reads there what the uplink was given
  const std::string printer = "2001:db8:77::9";
  world_->inet.run({"ip", "-6", "addr", "add", printer + "/64", "dev", "i0", "nodad"});
  const Fd listens = listener(world_->inet, printer, 7), hosts = listener(world_->inet, "2001:db8:1::2", 7);
  admit("fd00:9::1");
  const auto reach = [&](const std::string& to) { return dial(world_->phone, "fd00:9::1", to, 7).error; };
  world_->box.run({"ip", "-6", "addr", "add", "2001:db8:77::1/64", "dev", "u0", "nodad", "valid_lft", "3600",
                   "preferred_lft", "3600"});
  ASSERT_EQ(reach(printer), 0) << "the router came after the rules";
  ASSERT_TRUE(look());
  EXPECT_EQ(reach(printer), ECONNREFUSED);
  EXPECT_EQ(reach("2001:db8:1::2"), 0) << "set up by hand";
  auto open = GateWorld::policy();
  open.lan_access = true;
  set_up(open);
  EXPECT_EQ(reach(printer), 0);
  set_up(GateWorld::policy());
  EXPECT_EQ(reach(printer), ECONNREFUSED);
  world_->box.run({"ip", "-6", "addr", "del", "2001:db8:77::1/64", "dev", "u0"});
  ASSERT_TRUE(look());
  EXPECT_NE(reach(printer), ECONNREFUSED);
  EXPECT_EQ(look()->guests.size(), 1U) << "who is in stays in";
}

TEST(NearNetworks, AreThoseThatWereGiven) {
  std::istringstream table(
      "20010db8007700000000000000000001 03 40 00 00 u0\n"  // by a router
      "20010db80077000000000000000000ff 03 40 00 01 u0\n"  // its temporary one, in the same network
      "20010db8000100000000000000000001 03 40 00 80 u0\n"  // by hand
      "20010db8008800000000000000000001 03 80 00 00 u0\n"  // alone
      "20010db8009900000000000000000001 04 40 00 00 u1\n"
      "fe800000000000000000000000000001 03 40 20 80 u0\n");
  EXPECT_EQ(drivers::nftables::near_networks("u0", table), std::vector{*parse_prefix("2001:db8:77::/64")});
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

TEST_F(GateTest, TalliesSayWhatBecameOfPackets) {
  EXPECT_EQ(dial_inet("10.9.0.1"), ECONNREFUSED);
  const Fd portal = listener(world_->box, "0.0.0.0", GateWorld::kHttp);
  EXPECT_TRUE(world_->flow(portal, "10.9.0.1", GateWorld::kInet, 80).open());
  const auto tallies = look()->tallies;
  EXPECT_GE(tallies.at("refused"), 1U);
  EXPECT_EQ(tallies.at("redirected"), 1U);
  EXPECT_EQ(tallies.at("fence_cut"), 0U);
}

TEST_F(GateTest, IcmpAndDnsOverTlsAreShutToStrangersInBothFamilies) {
  EXPECT_FALSE(pings("10.9.0.1", GateWorld::kInet));
  EXPECT_EQ(dial_inet("10.9.0.1", 853), ECONNREFUSED);
  EXPECT_EQ(dial(world_->phone, "fd00:9::1", GateWorld::kInet6, 853).error, ECONNREFUSED);
  EXPECT_EQ(dial(world_->phone, "fd00:9::1", GateWorld::kInet6, 7).error, ECONNREFUSED);
  EXPECT_FALSE(pings6("fd00:9::1", GateWorld::kInet6));
  EXPECT_FALSE(pings6("fd00:9::1", GateWorld::kBox6));
  for (const auto* there : {GateWorld::kInet, GateWorld::kInet6}) {
    const Fd quic = bound(world_->inet, SOCK_DGRAM, there, 443);
    EXPECT_GT(datagram(there, 443, quic), 0) << there << ": told so, not swallowed";
  }
  admit("10.9.0.1");
  admit("fd00:9::1");
  EXPECT_TRUE(pings6("fd00:9::1", GateWorld::kInet6));
  EXPECT_TRUE(pings6("fd00:9::1", GateWorld::kBox6));
  const Fd quic6 = bound(world_->inet, SOCK_DGRAM, GateWorld::kInet6, 443);
  EXPECT_EQ(datagram(GateWorld::kInet6, 443, quic6), 0);
}

// `systemctl restart nftables` begins with a flush: guests met no rules until the box was restarted.
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

}  // namespace
}  // namespace foyer::test
