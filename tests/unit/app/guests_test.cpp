#include "guests_case.hpp"

namespace foyer::app {
namespace {

using ports::GuestKey;
using ports::Station;
using ports::Traffic;

TEST_F(GuestsTest, ABareVisitorIsNamedButNotIn) {
  const auto visitor = guests.who(ip(1)).value();
  EXPECT_FALSE(visitor.session);
  EXPECT_FALSE(visitor.subject.empty());
  EXPECT_EQ(visitor.presence, 0);
  EXPECT_TRUE(visitor.associated);
  EXPECT_EQ(guests.who(ip(77)).error().code, Code::refuse);
}

TEST_F(GuestsTest, OpenedIsInAtLevelThree) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  EXPECT_EQ(gate.open.at({mac(1), ip(1)}), 2h);
  const auto visitor = guests.who(ip(1)).value();
  ASSERT_TRUE(visitor.session);
  EXPECT_EQ(visitor.session->id, "s1");
  EXPECT_EQ(visitor.presence, 3);
  EXPECT_FALSE(guests.who(ip(2)).value().session);
}

TEST_F(GuestsTest, Ipv6OfTheSameMacIsOpenedWithIt) {
  const auto v6 = parse_ip("2001:db8::1").value();
  stations.list[0].ips.push_back(v6);
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  EXPECT_TRUE(gate.open.contains({mac(1), v6}));
  const auto late = parse_ip("2001:db8::2").value();
  stations.list[0].ips.push_back(late);
  guests.on_station(stations.list[0]);
  EXPECT_TRUE(gate.open.contains({mac(1), late}));
  EXPECT_TRUE(guests.who(v6).value().session);
  EXPECT_EQ(guests.remove("10.9.0.1", "removed").value(), 1u);
  EXPECT_TRUE(gate.open.empty());
}

TEST_F(GuestsTest, ReconcileAdoptsRecordedAndShutsTheRest) {
  gate.open[{mac(1), ip(1)}] = 100s;  // recorded
  gate.open[{mac(9), ip(9)}] = 100s;  // not recorded
  stations.list.clear();
  guests.reconcile({session_of(1), session_of(2)});
  EXPECT_TRUE(gate.open.contains({mac(1), ip(1)}));
  EXPECT_FALSE(gate.open.contains({mac(9), ip(9)}));
  EXPECT_EQ(guests.open_sessions(), 1u);
  // After a reboot of the box the kernel is empty: the device is opened as soon as it shows itself.
  guests.on_station({mac(2), {ip(2)}, true, {}});
  EXPECT_TRUE(gate.open.contains({mac(2), ip(2)}));
  EXPECT_EQ(guests.open_sessions(), 2u);
}

TEST_F(GuestsTest, CarriedToAnotherDeviceTheOldAddressIsShut) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  gate.bytes[{mac(1), ip(1)}] = {1000, 0};
  clock.advance(30min);
  auto moved = session_of(1);
  moved.since = clock.wall() - 30min;
  moved.until = moved.since + 2h;
  moved.pair = subjects.names(mac(2), ip(2)).pair;
  ASSERT_TRUE(guests.carry(moved, ip(2)));
  EXPECT_FALSE(gate.open.contains({mac(1), ip(1)}));
  EXPECT_EQ(gate.open.at({mac(2), ip(2)}), 90min);
  EXPECT_FALSE(guests.who(ip(1)).value().session);
  EXPECT_EQ(guests.who(ip(2)).value().session->id, "s1");
  EXPECT_EQ(guests.who(ip(2)).value().device, session_of(1).device) << "its limits go on";
  EXPECT_EQ(gate.bytes.at({mac(2), ip(2)}), (Traffic{1000, 0})) << "what it had used counts against its quota there";
  gate.bytes[{mac(2), ip(2)}] = {1011, 0};
  guests.tick();
  EXPECT_EQ(guests.clients().at(0).bytes, (Traffic{1011, 0}));
  EXPECT_TRUE(ended.empty());
  EXPECT_EQ(guests.sessions(), 1u);
}

TEST_F(GuestsTest, CarriedToANewAddressOfTheSameMacItsIpv6StaysOpen) {
  const auto v6 = parse_ip("2001:db8::1").value();
  stations.list[0].ips.push_back(v6);
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  stations.list[0].ips = {ip(5), v6};
  auto moved = session_of(1);
  moved.pair = subjects.names(mac(1), ip(5)).pair;
  ASSERT_TRUE(guests.carry(moved, ip(5)));
  EXPECT_TRUE(gate.open.contains({mac(1), ip(5)}));
  EXPECT_TRUE(gate.open.contains({mac(1), v6}));
  EXPECT_FALSE(gate.open.contains({mac(1), ip(1)}));
}

TEST_F(GuestsTest, WhoIsHereHasTheSignalOfItsWifiWhileItIsOnIt) {
  stations.list[0].signal_dbm = stations.list[1].signal_dbm = -61;
  stations.list[1].associated = false;
  for (const int n : {1, 2}) ASSERT_TRUE(guests.open(session_of(n), ip(n)));
  for (const auto& guest : guests.here())
    EXPECT_EQ(guest.signal, guest.associated ? std::optional<std::int8_t>(-61) : std::nullopt) << guest.session;
  EXPECT_EQ(guests.here().size(), 2u);
}

TEST_F(GuestsTest, AnotherAddressOfTheMacStaysShut) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  guests.on_station({mac(1), {ip(5)}, true, {}});
  EXPECT_FALSE(gate.open.contains({mac(1), ip(5)}));
}

TEST_F(GuestsTest, ExpiryShutsAndTellsTheCounters) {
  ASSERT_TRUE(guests.open(session_of(1, 60s), ip(1)));
  gate.bytes[{mac(1), ip(1)}] = {500, 1000};
  clock.advance(59s);
  guests.tick();
  EXPECT_TRUE(ended.empty());
  clock.advance(2s);
  guests.tick();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].reason, "expired");
  EXPECT_EQ(ended[0].bytes_up, 500u);
  EXPECT_EQ(ended[0].bytes_down, 1000u);
  EXPECT_TRUE(gate.open.empty());
}

TEST_F(GuestsTest, RemovingOneLeavesItsNeighboursInTheAlphabet) {
  for (const int n : {1, 2, 10, 11, 19, 100, 119}) {
    stations.list.push_back({mac(n), {ip(n)}, true, {}});
    ASSERT_TRUE(guests.open(session_of(n), ip(n)));
  }
  EXPECT_EQ(guests.remove("10.9.0.1", "removed").value(), 1u);
  EXPECT_EQ(gate.open.size(), 6u);
  EXPECT_FALSE(gate.open.contains({mac(1), ip(1)}));
  EXPECT_EQ(guests.remove("10.9.0.1", "removed").value(), 0u);
  EXPECT_FALSE(guests.remove("nonsense", "removed"));
}

TEST_F(GuestsTest, ALostGateKeepsTheSessionUntilItCanBeShut) {
  ASSERT_TRUE(guests.open(session_of(1, 60s), ip(1)));
  gate.lost = true;
  clock.advance(61s);
  guests.tick();
  EXPECT_TRUE(ended.empty());
  EXPECT_FALSE(guests.gate_fault().empty());
  gate.lost = false;
  guests.tick();
  EXPECT_EQ(ended.size(), 1u);
}

TEST_F(GuestsTest, RecordedButNotOpenIsNotInAndCanBeRemoved) {
  gate.lost = true;
  EXPECT_FALSE(guests.open(session_of(1), ip(1)));
  EXPECT_FALSE(guests.who(ip(1)).value().session);
  guests.reconcile({session_of(2)});
  EXPECT_EQ(guests.gate_fault(), "lost");
  gate.lost = false;
  EXPECT_EQ(guests.remove("10.9.0.1", "removed").value(), 1u);
  EXPECT_EQ(guests.remove("02:00:00:00:00:02", "removed").value(), 1u);
  EXPECT_EQ(ended.size(), 2u);
  gate.lost = true;
  EXPECT_TRUE(guests.remove("10.9.0.1", "removed").has_value()) << "nobody is in: nothing to shut";
}

TEST_F(GuestsTest, ARecordedDeviceIsOpenedWhenItAsks) {
  const auto list = std::exchange(stations.list, {});
  guests.reconcile({session_of(1)});
  EXPECT_TRUE(gate.open.empty());
  stations.list = list;
  EXPECT_TRUE(guests.who(ip(1)).value().session);
  EXPECT_TRUE(gate.open.contains({mac(1), ip(1)}));
}

TEST_F(GuestsTest, RemovingWhileTheGateIsAwaySaysSo) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  gate.lost = true;
  EXPECT_EQ(guests.remove("10.9.0.1", "removed").error().code, Code::retry);
  EXPECT_TRUE(ended.empty());
}

TEST_F(GuestsTest, ADeviceUnderANewPairKeepsItsAddressesWhenTheOldSessionEnds) {
  const auto v6 = parse_ip("2001:db8::1").value();
  stations.list[0].ips = {ip(1), v6};
  ASSERT_TRUE(guests.open(session_of(1, 60s), ip(1)));
  stations.list[0].ips = {ip(5), v6};
  const auto names = subjects.names(mac(1), ip(5));
  Session fresh = session_of(1);
  fresh.id = "s5";
  fresh.pair = names.pair;
  ASSERT_TRUE(guests.open(fresh, ip(5)));
  clock.advance(61s);
  guests.tick();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].session, "s1");
  EXPECT_TRUE(gate.open.contains({mac(1), v6}));
  EXPECT_TRUE(gate.open.contains({mac(1), ip(5)}));
  EXPECT_FALSE(gate.open.contains({mac(1), ip(1)}));
}

TEST_F(GuestsTest, AStepOfTheWallClockEndsNobodysTime) {
  ASSERT_TRUE(guests.open(session_of(1, 60s), ip(1)));
  clock.set_wall(clock.wall() + 24h);
  guests.tick();
  EXPECT_TRUE(guests.who(ip(1)).value().session);
  clock.set_wall(from_unix_ms(0));
  guests.tick();
  EXPECT_TRUE(guests.who(ip(1)).value().session);
  clock.advance(61s);
  guests.tick();
  EXPECT_FALSE(guests.who(ip(1)).value().session);
  // Recorded before the clock went back: never more time than was given.
  guests.reconcile({session_of(2, 60s)});
  Session ahead = session_of(2, 60s);
  ahead.since += 24h;
  ahead.until += 24h;
  ASSERT_TRUE(guests.open(ahead, ip(2)));
  EXPECT_EQ(gate.open.at({mac(2), ip(2)}), 60s);
}

TEST_F(GuestsTest, SessionsOutliveAKeyRotation) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  const auto before = guests.who(ip(1)).value().subject;
  guests.use(Subjects({{from_unix_ms(1), Pseudonyms::Key{2}}, {from_unix_ms(0), Pseudonyms::Key{1}}}));
  const auto after = guests.who(ip(1)).value();
  ASSERT_TRUE(after.session);
  EXPECT_EQ(after.subject, before);
  EXPECT_NE(guests.who(ip(2)).value().subject, subjects.names(mac(2), ip(2)).subject);
}

TEST_F(GuestsTest, AfterARebootASessionComesBackWithItsTimeAndItsCounters) {
  auto session = session_of(1);
  session.bytes_up = 300;
  session.bytes_down = 700;
  clock.advance(30min);
  guests.reconcile({session});
  EXPECT_EQ(gate.open.at({mac(1), ip(1)}), 90min);
  EXPECT_EQ(gate.bytes.at({mac(1), ip(1)}), (Traffic{300, 700}));
  gate.bytes[{mac(1), ip(1)}] = {310, 800};
  guests.tick();
  EXPECT_EQ(guests.clients().at(0).bytes, (Traffic{310, 800}));
  const auto counted = guests.newly_counted();
  ASSERT_EQ(counted.size(), 1u);
  EXPECT_EQ(counted[0].session, "s1");
  EXPECT_EQ(counted[0].down, 800u);
  EXPECT_TRUE(guests.newly_counted().empty()) << "nothing new";
}

TEST_F(GuestsTest, AdoptedGuestsGoOnCountingWhereAddressesAreGone) {
  auto session = session_of(1);
  session.bytes_up = 1000;  // 400 of them by an IPv6 address that is not open any more
  gate.open[{mac(1), ip(1)}] = 100s;
  gate.bytes[{mac(1), ip(1)}] = {600, 0};
  guests.reconcile({session});
  gate.bytes[{mac(1), ip(1)}] = {650, 0};
  guests.tick();
  EXPECT_EQ(guests.clients().at(0).bytes.up, 1050u);
}

TEST_F(GuestsTest, AnAddressThatWentToAnotherSessionIsNotShutWithTheOldOne) {
  const auto v6 = parse_ip("2001:db8::1").value();
  stations.list[0].ips = {ip(1), v6};
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  stations.list = {{mac(1), {ip(5), v6}, true, {}}};
  auto fresh = session_of(1);
  fresh.id = "s5";
  fresh.pair = subjects.names(mac(1), ip(5)).pair;
  ASSERT_TRUE(guests.open(fresh, ip(5)));
  EXPECT_EQ(guests.remove("10.9.0.1", "removed").value(), 1u);
  EXPECT_TRUE(gate.open.contains({mac(1), v6}));
  EXPECT_EQ(guests.remove("2001:db8::1", "removed").value(), 1u);
  EXPECT_TRUE(gate.open.empty());
  EXPECT_EQ(guests.sessions(), 0u);
}

// An address has one owner in the kernel: the guest who had it before was told to be in while it was refused.
TEST_F(GuestsTest, WhoLostItsAddressToAnotherDeviceIsNotIn) {
  const auto v6 = parse_ip("2001:db8::1").value();
  stations.list[0].ips = {ip(1), v6};
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  gate.bytes[{mac(1), ip(1)}] = {1000, 0};
  guests.tick();
  clock.advance(1min);
  stations.list = {{mac(2), {ip(1)}, true, {}}};
  auto second = session_of(2);
  second.pair = subjects.names(mac(2), ip(1)).pair;
  ASSERT_TRUE(guests.open(second, ip(1)));
  clock.advance(1min);
  guests.tick();
  EXPECT_EQ(guests.open_sessions(), 1u);
  EXPECT_EQ(guests.sessions(), 2u) << "the first is recorded still";
  EXPECT_FALSE(gate.open.contains({mac(1), v6}));
  EXPECT_TRUE(ended.empty());
  EXPECT_EQ(guests.who(ip(1)).value().session->id, "s2");
  // The first has its address again: it goes on with what it had used, and the second is out of it.
  stations.list = {{mac(1), {ip(1), v6}, true, {}}};
  guests.on_station(stations.list[0]);
  EXPECT_TRUE(gate.open.contains({mac(1), v6}));
  EXPECT_EQ(gate.bytes.at({mac(1), ip(1)}), (Traffic{1000, 0}));
  clock.advance(1min);
  guests.tick();
  EXPECT_EQ(guests.open_sessions(), 1u);
  EXPECT_EQ(guests.who(ip(1)).value().session->id, "s1");
  EXPECT_EQ(guests.clients().at(0).bytes, (Traffic{1000, 0}));
}

TEST_F(GuestsTest, WhoTheKernelForgotIsOpenedAgain) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  gate.bytes[{mac(1), ip(1)}] = {1000, 0};
  guests.tick();
  gate.open.clear();
  guests.tick();
  EXPECT_TRUE(gate.open.empty()) << "a look may be older than an admission";
  clock.advance(1min);
  guests.tick();
  EXPECT_EQ(gate.open.at({mac(1), ip(1)}), 119min);
  EXPECT_EQ(gate.bytes.at({mac(1), ip(1)}), (Traffic{1000, 0}));
  gate.open.clear();  // and all at once, where the table was made anew
  guests.reconcile();
  EXPECT_TRUE(gate.open.contains({mac(1), ip(1)}));
  EXPECT_EQ(guests.clients().at(0).bytes, (Traffic{1000, 0}));
}

TEST_F(GuestsTest, TellsEveryNameOfTheDevice) {
  const Subjects later({{from_unix_ms(1), Pseudonyms::Key{2}}, {from_unix_ms(0), Pseudonyms::Key{1}}});
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  guests.use(later);
  for (const int n : {1, 2}) {
    const auto known = guests.who(ip(n)).value().known_devices;
    EXPECT_EQ(known, (std::vector{later.names(mac(n), ip(n)).device, subjects.names(mac(n), ip(n)).device})) << n;
  }
}

// Each address that was asked for cost an HMAC for every key of the week: a device with thousands of them stalled the
// core.
TEST_F(GuestsTest, ADeviceWithThousandsOfAddressesIsStillKnownByItsFourthVersion) {
  ports::Station station{mac(1), {}, true, {}};
  for (int i = 0; i < 5000; ++i) station.ips.push_back(parse_ip(fmt::format("2001:db8::{:x}", i + 1)).value());
  station.ips.push_back(ip(1));
  stations.list = {station};
  guests.reconcile({session_of(1)});
  EXPECT_TRUE(gate.open.contains({mac(1), ip(1)}));
  EXPECT_LE(gate.open.size(), 17u);
}

TEST_F(GuestsTest, AnotherRadioUnderTheMacOfAGuestIsChallenged) {
  auto station = stations.list[0];
  station.fingerprint = "phone";
  stations.list[0] = station;
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  station.associated = false;
  guests.on_station(station);
  station.associated = true;
  guests.on_station(station);
  EXPECT_TRUE(ended.empty()) << "the same device came back";
  station.fingerprint = "laptop";
  guests.on_station(station);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].reason, "challenged");
  EXPECT_TRUE(gate.open.empty());
  stations.list[0] = station;
  EXPECT_FALSE(guests.who(ip(1)).value().session);
}

TEST_F(GuestsTest, AFingerprintThatComesLateIsBelieved) {
  ASSERT_TRUE(guests.open(session_of(1), ip(1)));
  auto station = stations.list[0];
  station.fingerprint = "phone";
  guests.on_station(station);
  EXPECT_TRUE(ended.empty());
  station.fingerprint = "";  // hostapd is away
  guests.on_station(station);
  EXPECT_TRUE(ended.empty());
}

TEST(GuestsWithoutAGate, NobodyIsEverIn) {
  test::ManualClock clock;
  Guests guests(nullptr, nullptr, clock, Subjects({{from_unix_ms(0), Pseudonyms::Key{1}}}), [](const auto&) {});
  EXPECT_EQ(guests.who(ip(1)).error().code, Code::refuse);
  guests.reconcile({});
  EXPECT_TRUE(guests.clients().empty());
  EXPECT_TRUE(guests.gate_fault().empty());
}

}  // namespace
}  // namespace foyer::app
