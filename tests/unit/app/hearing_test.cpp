#include "app/hearing.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/manual_time.hpp"

namespace foyer::app {
namespace {

using namespace std::chrono_literals;

class HearingTest : public testing::Test {
 protected:
  HearingTest() {
    config.zones.push_back({"entrance", {}, {{tag.uuid, {}, {}}}, -70, -76, 30s, 45s});
    hearing = std::make_unique<Hearing>(config, clock, subjects, [this](std::vector<Event> some) {
      for (auto& event : some) events.push_back(std::move(event));
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
  void hear(const BeaconId& id, std::int8_t rssi) {
    Advert advert;
    advert.rssi = rssi;
    advert.at = clock.mono();
    constexpr std::uint8_t kApple[]{0x4c, 0x00};
    const auto value = ibeacon_value(id, -59);
    ASSERT_TRUE(advert.append(0xff, kApple, value));
    hearing->on_advert(advert);
  }
  std::vector<std::string> types() const {
    std::vector<std::string> all;
    for (const auto& event : events) all.push_back(event.type);
    return all;
  }

  BeaconId tag{parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value(), 1, 2};
  config::Config config;
  test::ManualClock clock;
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
  hearing->set_own({{tag, -59, "auto"}});
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

}  // namespace
}  // namespace foyer::app
