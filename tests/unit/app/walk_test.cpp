#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "app/hearing.hpp"
#include "drivers/sim/sim_radio.hpp"
#include "support/event_file.hpp"
#include "support/manual_time.hpp"

/// Walks through the shop by the simulated radio: from a scenario file to events, in simulated time.
namespace foyer::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kExitAfter = 45s;

struct Told {
  std::string type;
  MonoTime at{};
};

struct Walk {
  Walk(const std::string& shopper, unsigned seed) {
    config::Config config;
    config.zones.push_back({"entrance", {}, {{uuid, {}, {}}}, -70, -76, 30s, kExitAfter});
    hearing =
        std::make_unique<Hearing>(config, clock, subjects, leases, kernel_random, [this](std::vector<Event> some) {
          for (const auto& event : some) {
            test::keep_event(event);
            events.push_back({event.type, clock.mono()});
          }
        });
    const auto scenario = drivers::sim::parse_scenario(
        "shoppers:\n  - {beacon: {uuid: " + to_string(uuid) + "}, " + shopper + "}\n", "walk.yaml");
    if (!scenario) throw std::runtime_error(to_string(scenario.error().front()));
    radio = drivers::sim::make_radio(*scenario, timers, clock, seed);
    ticks = timers.every(1s, [this] { hearing->tick(); });
    EXPECT_TRUE(radio->start(*hearing));
  }

  std::vector<std::string> types() const {
    std::vector<std::string> all;
    for (const auto& one : events) all.push_back(one.type);
    return all;
  }
  /// Since the start.
  std::chrono::duration<double> when(const std::string& type) const {
    for (const auto& one : events)
      if (one.type == type) return one.at - started;
    return std::chrono::duration<double>(-1);
  }

  Uuid uuid = parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value();
  test::ManualClock clock;
  test::ManualTimers timers{clock};
  MonoTime started = clock.mono();
  Leases leases{clock, kernel_random};
  Subjects subjects{{{from_unix_ms(0), Pseudonyms::Key{1}}}};
  std::vector<Told> events;
  std::unique_ptr<Hearing> hearing;
  std::unique_ptr<ports::Radio> radio;
  ports::TimerHandle ticks;
};

class AtTheBorder : public testing::TestWithParam<std::tuple<int, int, unsigned>> {};

/// Comes in, stands an hour at the border with 4 dB of noise and an address that rotates, and goes.
TEST_P(AtTheBorder, OneEnteredOneLeft) {
  const auto [border, interval, seed] = GetParam();
  Walk walk(fmt::format("arrive: 5s, stay: 3650s, noise: 4, interval: {}ms, rotate_address: 15m, path: ["
                        "{{at: 0s, rssi: -95}}, {{at: 10s, rssi: -62}}, {{at: 20s, rssi: {}}}, "
                        "{{at: 3620s, rssi: {}}}, {{at: 3650s, rssi: -98}}]",
                        interval, border, border),
            seed);
  walk.timers.advance(4000s);
  EXPECT_EQ(walk.types(), (std::vector<std::string>{"beacon.seen", "presence.entered", "presence.dwelled",
                                                    "presence.left", "beacon.lost"}));
  EXPECT_EQ(walk.hearing->presence().figures().suspicions, 0u);
  EXPECT_LT(walk.when("presence.left"), std::chrono::seconds(3655) + kExitAfter + 2s);
  EXPECT_GT(walk.when("presence.left"), 3620s);
}

INSTANTIATE_TEST_SUITE_P(Noise, AtTheBorder,
                         testing::Combine(testing::Values(-70, -73), testing::Values(200, 1000),
                                          testing::Range(1u, 11u)));

class InAndOut : public testing::TestWithParam<std::tuple<int, unsigned>> {};

/// A clear arrival is told within 5 s, a departure within exit_after and 2 s.
TEST_P(InAndOut, InTime) {
  const auto [interval, seed] = GetParam();
  Walk walk(fmt::format("arrive: 10s, stay: 120s, noise: 4, interval: {}ms, rssi: -58", interval), seed);
  walk.timers.advance(400s);
  EXPECT_EQ(walk.types(), (std::vector<std::string>{"beacon.seen", "presence.entered", "presence.dwelled",
                                                    "presence.left", "beacon.lost"}));
  EXPECT_LE(walk.when("presence.entered"), 15s);
  EXPECT_GE(walk.when("presence.left"), 128s + kExitAfter);  // last heard within 2 s of going
  EXPECT_LE(walk.when("presence.left"), 130s + kExitAfter + 2s);
}

INSTANTIATE_TEST_SUITE_P(Rates, InAndOut,
                         testing::Combine(testing::Values(100, 200, 1000), testing::Values(1u, 2u, 3u)));

/// Two tags of one identifier, each with an address of its own.
TEST(TwoOfOneIdentifier, IsSuspect) {
  Walk walk(
      "rssi: -60, interval: 500ms, address: \"02:00:00:00:00:01\"}\n  - {beacon: {uuid: "
      "fda50693-a4e2-4fb1-afcf-c6eb07647825}, rssi: -62, interval: 700ms, address: \"02:00:00:00:00:02\"",
      1);
  walk.timers.advance(60s);
  EXPECT_EQ(walk.types(),
            (std::vector<std::string>{"beacon.seen", "presence.entered", "beacon.seen", "presence.dwelled"}));
}

}  // namespace
}  // namespace foyer::app
