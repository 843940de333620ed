#include "app/hearing.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "support/event_file.hpp"
#include "support/frames.hpp"
#include "support/manual_time.hpp"

namespace foyer::app {
namespace {

using namespace std::chrono_literals;

class HearingTest : public testing::Test {
 protected:
  HearingTest() {
    config.zones.push_back({"entrance", {}, {{tag.uuid, {}, {}}}, -70, -76, 30s, 45s});
    open();
  }
  void open() {
    leases.configure(config.shoppers);
    hearing = std::make_unique<Hearing>(config, clock, subjects, leases, random, [this](std::vector<Event> some) {
      for (auto& event : some) {
        test::keep_event(event);
        events.push_back(std::move(event));
      }
    });
  }
  ports::RadioStatus radio(bool up, const char* reason = "") const {
    ports::RadioStatus status;
    status.up = up;
    status.mode = "active";
    status.reason = reason;
    status.adapters = {{"hci0", "", true, up, 0, 0}};
    return status;
  }
  void hear(const BeaconId& id, std::int8_t rssi, const MacAddress& from = {{2, 0, 0, 0, 0, 1}}) {
    hear_frame(beacon::IBeacon{id, -59}, rssi, from);
  }
  void hear_frame(const beacon::Frame& frame, std::int8_t rssi, const MacAddress& from = {{2, 0, 0, 0, 0, 1}}) {
    Advert advert;
    advert.address = from;
    advert.rssi = rssi;
    advert.at = clock.mono();
    ASSERT_TRUE(test::append(advert, frame));
    hearing->on_advert(advert);
  }
  /// Once a second, with the ticks of the house and a radio that is up.
  void stay(std::chrono::seconds time, const std::function<void()>& hear_once) {
    if (!hearing->radio().up) hearing->on_radio_changed(radio(true));
    for (auto left = time; left > 0s; left -= 1s) {
      hear_once();
      clock.advance(1s);
      hearing->tick();
    }
  }
  std::string all_data() const {
    std::string all;
    for (const auto& event : events) all += event.type + " " + event.subject + " " + event.data + "\n";
    return all;
  }
  std::vector<std::string> types() const {
    std::vector<std::string> all;
    for (const auto& event : events) all.push_back(event.type);
    return all;
  }

  BeaconId tag{parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value(), 1, 2};
  config::Config config;
  std::mt19937 numbers{1};  // the same hashes in every run
  Random random = [this](std::span<std::uint8_t> out) {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(numbers());
  };
  test::ManualClock clock;
  Leases leases{clock, kernel_random};
  Subjects subjects{{{from_unix_ms(0), Pseudonyms::Key{1}}}};
  std::vector<Event> events;
  std::unique_ptr<Hearing> hearing;
};

TEST_F(HearingTest, TheWayFromAdvertToEvents) {
  hearing->on_radio_changed(radio(true));
  for (int i = 0; i < 40; ++i) {
    hear(tag, -60);
    clock.advance(1s);
    hearing->tick();
  }
  EXPECT_EQ(types(), (std::vector<std::string>{"beacon.seen", "presence.entered", "presence.dwelled"}));
  const auto seen = nlohmann::json::parse(events[0].data);
  EXPECT_EQ(seen["identifier"], to_string(tag));
  EXPECT_EQ(seen["adapter"], "hci0");
  EXPECT_EQ(seen["rssi"], -60);
  EXPECT_EQ(events[1].stream, Stream::presence);
  EXPECT_EQ(events[1].subject, subjects.beacon(tag));
  EXPECT_EQ(hearing->figures().decoded, 40u);
}

TEST_F(HearingTest, OursOnTheAirAreNobody) {
  hearing->on_radio_changed(radio(true));
  hearing->set_own({tag});
  for (int i = 0; i < 5; ++i) hear(tag, -50);
  EXPECT_TRUE(events.empty());
}

TEST_F(HearingTest, MalformedIsCountedAndNothingElse) {
  Advert advert;
  advert.size = 2;
  advert.bytes[0] = 30;
  advert.bytes[1] = 0xff;
  hearing->on_advert(advert);
  EXPECT_EQ(hearing->figures().malformed, 1u);
  EXPECT_TRUE(events.empty());
}

TEST_F(HearingTest, ADeafRadioEndsNoVisitAndIsTold) {
  hearing->on_radio_changed(radio(true));
  for (int i = 0; i < 4; ++i) hear(tag, -60);
  hearing->on_radio_changed(radio(false, "bluetoothd is gone"));
  for (int i = 0; i < 600; ++i) {
    clock.advance(1s);
    hearing->tick();
  }
  hearing->on_radio_changed(radio(true));
  EXPECT_EQ(types(),
            (std::vector<std::string>{"beacon.seen", "presence.entered", "radio.degraded", "radio.recovered"}));
  EXPECT_EQ(nlohmann::json::parse(events[2].data)["reason"], "bluetoothd is gone");
  EXPECT_EQ(nlohmann::json::parse(events[3].data)["deaf_s"], 600.0);
}

TEST_F(HearingTest, TheSilenceBeforeDeafnessWasKnownEndsNoVisitEither) {
  for (int round = 0; round < 3; ++round) {  // each time the radio's account of it grows
    stay(5s, [&] { hear(tag, -60); });
    stay(40s, [] {});
    auto deaf = radio(false, "hears nothing");
    deaf.deaf = 40s + round * 140s;
    hearing->on_radio_changed(deaf);
    for (int i = 0; i < 100; ++i) clock.advance(1s), hearing->tick();
    auto again = radio(true);
    again.deaf = (round + 1) * 140s;
    hearing->on_radio_changed(again);
    stay(20s, [] {});
  }
  for (const auto& event : events) EXPECT_NE(event.type, "presence.left");
  EXPECT_EQ(hearing->presence().here().size(), 1u);
}

TEST_F(HearingTest, WhatWasTriedIsToldAndOnceMoreWhenAllWas) {
  hearing->on_radio_changed(radio(true));
  auto deaf = radio(false, "hears nothing");
  hearing->on_radio_changed(deaf);
  for (const auto rung : {ports::Rung::discovery, ports::Rung::service, ports::Rung::service}) {
    deaf.rung = rung;
    hearing->on_radio_changed(deaf);
  }
  auto again = radio(true);
  again.rung = ports::Rung::service;
  again.deaf = 42s;  // since the silence began, before anybody knew
  hearing->on_radio_changed(again);
  EXPECT_EQ(types(), (std::vector<std::string>{"radio.degraded", "radio.degraded", "radio.recovered"}));
  EXPECT_TRUE(nlohmann::json::parse(events[0].data)["rung"].is_null());
  EXPECT_EQ(nlohmann::json::parse(events[1].data)["rung"], "service");
  const auto recovered = nlohmann::json::parse(events[2].data);
  EXPECT_EQ(recovered["rung"], "service");
  EXPECT_EQ(recovered["deaf_s"], 42.0);
}

TEST_F(HearingTest, ARadioThatNeverCameUpIsToldOnce) {
  hearing->on_radio_changed(radio(false, "no adapter"));
  for (int i = 0; i < 100; ++i) {
    clock.advance(1s);
    hearing->tick();
  }
  EXPECT_EQ(types(), (std::vector<std::string>{"radio.degraded"}));
}

TEST_F(HearingTest, EveryFormatHasItsIdentifier) {
  config.zones[0].beacons[0] = {};
  config.zones[0].beacons[0].name_space = std::array<std::uint8_t, 10>{1, 2, 3};
  config.zones.push_back({"yard", {}, {}, -70, -76, 30s, 45s, true});
  open();
  beacon::EddystoneUid uid;
  uid.name_space = {1, 2, 3};
  uid.instance = {9};
  beacon::AltBeacon alt;
  alt.id.fill(7);
  stay(4s, [&] { hear_frame(uid, -60), hear_frame(alt, -60), hear_frame(beacon::EddystoneTlm{}, -60); });
  std::vector<std::string> seen;
  for (const auto& event : events) {
    const auto data = nlohmann::json::parse(event.data);
    if (event.type == "beacon.seen") seen.push_back(data["format"].get<std::string>());
    if (event.type == "presence.entered" && data["zone"] == "entrance") {
      EXPECT_EQ(data["identifier"], "01020300000000000000/090000000000");
    }
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"eddystone-uid", "altbeacon"}));
  EXPECT_EQ(hearing->presence().figures().here, 2u);
}

TEST_F(HearingTest, AnEidIsKnownByItsKeyAcrossRotations) {
  config::EidBeacon eid{"till-1", "", {1, 2, 3}, 5, 1'700'000'000};
  config.zones[0].beacons.assign(1, config::NamedBeacon{});
  config.zones[0].beacons[0].eid = eid;
  open();
  const auto sent = [&] {
    const auto at = unix_ms(clock.wall()) / 1000 - eid.clock_offset;
    return beacon::EddystoneEid{beacon::eid_at(eid.identity_key, eid.rotation, static_cast<std::uint32_t>(at)), -20};
  };
  stay(200s, [&] { hear_frame(sent(), -60); });  // six rotations
  EXPECT_EQ(types(), (std::vector<std::string>{"beacon.seen", "presence.entered", "presence.dwelled"}));
  EXPECT_EQ(nlohmann::json::parse(events[1].data)["identifier"], "eid/till-1");
  hear_frame(beacon::EddystoneEid{{1, 2, 3, 4, 5, 6, 7, 8}, -20}, -60);
  EXPECT_EQ(hearing->figures().unresolved, 1u);
  EXPECT_EQ(hearing->presence().figures().identifiers, 1u);
}

TEST_F(HearingTest, StaffAndGoodsAreHereAndNoShoppers) {
  config.tags.staff = {{tag.uuid, 1, 2}};
  open();
  stay(5s, [&] { hear(tag, -60); });
  ASSERT_EQ(types(), (std::vector<std::string>{"beacon.seen", "presence.entered"}));
  EXPECT_EQ(nlohmann::json::parse(events[1].data)["kind"], "staff");
  EXPECT_EQ(hearing->presence().figures().here, 1u);
  EXPECT_EQ(hearing->presence().figures().shoppers, 0u);
}

TEST_F(HearingTest, ACopyOnTheAirIsSuspectAndForgivenLater) {
  const auto copies = [&] { hear(tag, -60, {{2, 0, 0, 0, 0, 1}}), hear(tag, -62, {{2, 0, 0, 0, 0, 2}}); };
  stay(10s, copies);
  std::size_t told = 0;
  for (const auto& event : events)
    told += event.type == "beacon.seen" && nlohmann::json::parse(event.data).value("suspect", "") == "copies";
  EXPECT_EQ(told, 1u);
  EXPECT_TRUE(hearing->presence().heard(tag)->suspect);
  stay(700s, [&] { hear(tag, -60); });
  EXPECT_FALSE(hearing->presence().heard(tag)->suspect);
}

// ---- lent identifiers ------------------------------------------------------------------------------------------

TEST_F(HearingTest, ALentIdentifierIsItsShopper) {
  config.shoppers = config::Shoppers{parse_uuid("5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11").value(), 4h};
  config.zones.push_back({"shop", {}, {}, -70, -76, 30s, 45s, {}});
  open();
  const auto lease = leases.lend("subject-a").value();
  const BeaconId nobodys{lease.id.uuid, lease.id.major, static_cast<std::uint16_t>(lease.id.minor + 1)};
  stay(5s, [&] { hear(lease.id, -60), hear(nobodys, -50); });
  ASSERT_EQ(types(), (std::vector<std::string>{"beacon.seen", "presence.entered"}));
  EXPECT_EQ(events[1].subject, "subject-a");
  EXPECT_EQ(nlohmann::json::parse(events[1].data)["kind"], "lent");
  EXPECT_FALSE(nlohmann::json::parse(events[1].data).contains("identifier"));
  EXPECT_EQ(hearing->figures().not_lent, 5u);
  EXPECT_EQ(nlohmann::json::parse(hearing->here_json())[0]["subject"], "subject-a");

  leases.revoke("subject-a");  // erased: nothing is said of them any more
  stay(60s, [&] { hear(lease.id, -60); });
  EXPECT_EQ(events.size(), 2u);
  EXPECT_TRUE(hearing->presence().here().empty());
}

TEST_F(HearingTest, AVisitThatOutlastsItsLeaseIsToldToItsEnd) {
  config.shoppers = config::Shoppers{parse_uuid("5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11").value(), 10s};
  config.zones.push_back({"shop", {}, {}, -70, -76, 30s, 45s, {}});
  open();
  const auto lease = leases.lend("subject-a").value();
  stay(70s, [&] { hear(lease.id, -60), leases.tick(); });
  EXPECT_EQ(types(), (std::vector<std::string>{"beacon.seen", "presence.entered", "presence.left"}));
  EXPECT_EQ(events.back().subject, "subject-a");
}

TEST_F(HearingTest, WhoseLentIdentifierIsCopiedIsToldSo) {
  config.shoppers = config::Shoppers{parse_uuid("5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11").value(), 4h};
  config.zones.push_back({"shop", {}, {}, -70, -76, 30s, 45s, {}});
  open();
  const auto lent = leases.lend("subject-a").value().id;
  stay(40s, [&] { hear(lent, -60, {{2, 0, 0, 0, 0, 1}}), hear(lent, -62, {{2, 0, 0, 0, 0, 2}}); });
  ASSERT_EQ(types(), (std::vector<std::string>{"beacon.seen", "presence.entered", "beacon.seen", "presence.dwelled"}));
  EXPECT_FALSE(nlohmann::json::parse(events[1].data).contains("suspect"));
  EXPECT_EQ(nlohmann::json::parse(events[3].data)["suspect"], "copies");
}

// ---- privacy.mode ----------------------------------------------------------------------------------------------

class PrivacyTest : public HearingTest {
 protected:
  PrivacyTest() {
    config.zones.push_back({"shop", {}, {}, -70, -76, 30s, 45s, {}});
    config.shoppers = config::Shoppers{parse_uuid("5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11").value(), 4h};
    config.tags.assets = {{tag.uuid, 9, {}}};
    config.privacy_k = 3;
  }
  /// A shop's tag, a stranger, one with a lent identifier, a cart.
  void a_visit_of_each() {
    const auto lent = leases.lend("subject-a").value().id;
    const BeaconId cart{tag.uuid, 9, 1};
    stay(40s, [&] { hear(tag, -60), hear(stranger, -60), hear(lent, -60), hear(cart, -60); });
  }
  std::map<std::string, int> entered_by_kind() const {
    std::map<std::string, int> kinds;
    for (const auto& event : events)
      if (event.type == "presence.entered") ++kinds[nlohmann::json::parse(event.data)["kind"].get<std::string>()];
    return kinds;
  }
  BeaconId stranger{parse_uuid("00000000-1111-2222-3333-444444444444").value(), 5, 6};
};

TEST_F(PrivacyTest, VisitsOfStrangersAreToldOnlyByTheDaysPseudonym) {
  open();
  a_visit_of_each();
  EXPECT_EQ(entered_by_kind(), (std::map<std::string, int>{{"shopper", 2}, {"lent", 1}, {"asset", 1}}));
  bool by_pseudonym = false;
  for (const auto& event : events) {
    if (event.type.starts_with("beacon.")) continue;  // what a beacon says of itself to everybody
    EXPECT_EQ(event.data.find("00000000-1111-2222-3333-444444444444"), std::string::npos) << event.type;
    by_pseudonym |= event.subject == subjects.beacon(stranger);
  }
  EXPECT_TRUE(by_pseudonym);
}

TEST_F(PrivacyTest, MemberTellsWhoAgreedAndCountsTheRest) {
  config.privacy = config::PrivacyMode::member;
  open();
  a_visit_of_each();
  EXPECT_EQ(entered_by_kind(), (std::map<std::string, int>{{"lent", 1}, {"asset", 1}}));
}

TEST_F(PrivacyTest, CountingTellsNothingOfOneShopper) {
  config.privacy = config::PrivacyMode::counting;
  open();
  a_visit_of_each();
  EXPECT_EQ(entered_by_kind(), (std::map<std::string, int>{{"asset", 1}}));
  for (const auto& event : events) EXPECT_NE(event.data.find("/9/1\""), std::string::npos) << event.data;  // the cart
  const auto here = nlohmann::json::parse(hearing->here_json());
  ASSERT_EQ(here.size(), 1u);
  EXPECT_EQ(here[0]["kind"], "asset");
}

TEST_F(PrivacyTest, CountingForgetsAShopperAfterFiveMinutesHereOrNot) {
  config.privacy = config::PrivacyMode::counting;
  open();
  hear(tag, -60);
  stay(299s, [] {});
  EXPECT_FALSE(hearing->presence().heard(tag));  // by lost_after already
  stay(299s, [&] { hear(tag, -60); });
  EXPECT_EQ(hearing->presence().here().at(0).visit, 1u);
  stay(10s, [&] { hear(tag, -60); });
  EXPECT_EQ(hearing->presence().here().at(0).visit, 2u);  // another, as far as anybody knows
}

TEST_F(PrivacyTest, HourlyNumbersBelowKAreNotGiven) {
  config.privacy = config::PrivacyMode::counting;
  open();
  for (std::uint16_t minor = 100; minor < 105; ++minor) stay(4s, [&] { hear({tag.uuid, 1, minor}, -60); });
  stay(4s, [&] { hear(stranger, -60); });
  stay(400s, [&] { hear({tag.uuid, 1, 100}, -60); });  // again, forgotten in between: still the same five
  EXPECT_EQ(all_data().find("presence.counted"), std::string::npos);
  stay(3600s, [] {});
  std::map<std::string, nlohmann::json> counted;
  for (const auto& event : events)
    if (event.type == "presence.counted") {
      const auto data = nlohmann::json::parse(event.data);
      counted.emplace(data["zone"].get<std::string>(), data["shoppers"]);
    }
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_EQ(counted["entrance"], 5);
  EXPECT_TRUE(counted["shop"].is_null());  // one is fewer than three
}

TEST_F(PrivacyTest, WhoStaysIsCountedInEveryHour) {
  config.privacy = config::PrivacyMode::member;
  open();
  for (int second = 0; second < 3 * 3600; ++second) {
    for (std::uint16_t minor = 100; minor < 103; ++minor)
      if (second % 30 < 3) hear({tag.uuid, 1, minor}, -60);
    clock.advance(1s);
    hearing->tick();
  }
  std::vector<int> hours;
  for (const auto& event : events) {
    const auto data = nlohmann::json::parse(event.data);
    if (event.type == "presence.counted" && data["zone"] == "entrance") hours.push_back(data["shoppers"]);
  }
  EXPECT_EQ(hours, (std::vector<int>{3, 3, 3}));
}

}  // namespace
}  // namespace foyer::app
