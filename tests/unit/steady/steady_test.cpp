#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "beacon/decode.hpp"
#include "drivers/bluez/devices.hpp"
#include "presence/presence.hpp"
#include "support/frames.hpp"

/// What an advert costs in memory once the house is used to its place: nothing. This program counts operator new.
namespace {

std::uint64_t made = 0;
std::int64_t live = 0;  // bytes

void* allocate(std::size_t size) {
  void* at = std::malloc(size == 0 ? 1 : size);
  if (at == nullptr) throw std::bad_alloc();
  ++made;
  live += static_cast<std::int64_t>(::malloc_usable_size(at));
  return at;
}
void release(void* at) {
  live -= static_cast<std::int64_t>(::malloc_usable_size(at));
  std::free(at);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* at) noexcept { release(at); }
void operator delete[](void* at) noexcept { release(at); }
void operator delete(void* at, std::size_t) noexcept { release(at); }
void operator delete[](void* at, std::size_t) noexcept { release(at); }

namespace foyer {
namespace {

using namespace std::chrono_literals;

const Uuid kTags = parse_uuid("fda50693-a4e2-4fb1-afcf-c6eb07647825").value();

MacAddress address(std::uint32_t number) {
  return {{2, 0, static_cast<std::uint8_t>(number >> 24), static_cast<std::uint8_t>(number >> 16),
           static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

TEST(Steady, TheCounterCounts) {
  const auto before = made;
  const auto bytes = live;
  auto* text = new std::string(100, 'x');
  EXPECT_EQ(made, before + 2);
  EXPECT_GT(live, bytes + 100);
  delete text;
  EXPECT_EQ(live, bytes);
}

TEST(Steady, DecodingAllocatesNothing) {
  std::vector<Advert> adverts;
  for (const beacon::Frame& frame : {beacon::Frame(beacon::IBeacon{{kTags, 1, 2}, -59}),
                                     beacon::Frame(beacon::AltBeacon{}), beacon::Frame(beacon::EddystoneUid{}),
                                     beacon::Frame(beacon::EddystoneTlm{}), beacon::Frame(beacon::EddystoneEid{})}) {
    adverts.emplace_back();
    ASSERT_TRUE(test::append(adverts.back(), frame));
  }
  const auto before = made;
  std::size_t frames = 0;
  for (int i = 0; i < 10'000; ++i)
    for (const auto& advert : adverts)
      (void)beacon::for_each_frame(advert.data(), [&](const beacon::Frame& frame) { frames += frame.index() + 1; });
  EXPECT_EQ(made, before);
  EXPECT_GT(frames, 10'000u);
}

TEST(Steady, AStepOfPresenceAllocatesNothing) {
  presence::Settings settings;
  settings.zones = {{"entrance", {}, -70, -76, 30s, 45s}};
  presence::Presence presence(settings);
  std::vector<presence::Change> changes;
  MonoTime now{1h};
  const auto round = [&] {
    for (std::uint16_t minor = 0; minor < 500; ++minor)
      presence.step({BeaconId{kTags, 1, minor}, -60, 0, now, address(minor)}, changes);
    presence.tick(now, changes);
    now += 1s;
  };
  for (int i = 0; i < 60; ++i) round();  // all are in and have dwelled
  changes.clear();
  const auto before = made;
  for (int i = 0; i < 200; ++i) round();
  EXPECT_EQ(made, before);
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(presence.figures().here, 500u);
}

TEST(Steady, AFullTableOfIdentifiersAllocatesAndGrowsNoMore) {
  presence::Settings settings;
  settings.max_identifiers = 2'000;
  settings.max_strangers = 0;  // the text of what is told is no matter of the table
  presence::Presence presence(settings);
  std::vector<presence::Change> changes;
  MonoTime now{1h};
  std::uint32_t number = 0;
  const auto hear = [&](int times) {
    for (int i = 0; i < times; ++i, ++number, now += 1ms)
      presence.step({BeaconId{kTags, static_cast<std::uint16_t>(number >> 16), static_cast<std::uint16_t>(number)}, -90,
                     0, now, address(number)},
                    changes);
  };
  hear(10'000);
  const auto before = made;
  hear(500'000);
  EXPECT_EQ(made, before);
  EXPECT_TRUE(changes.empty());
}

TEST(Steady, ThePlaceOfADeviceIsUsedAgain) {
  drivers::bluez::Devices devices;
  drivers::bluez::Report report;
  MonoTime now{1h};
  const auto hear = [&](int times) {
    for (int i = 0; i < times; ++i, now += 1ms) {
      report.clear();
      report.has_manufacturer = true;
      report.manufacturer.assign(26, static_cast<std::uint8_t>(i));
      devices.note({address(static_cast<std::uint32_t>(i % 100'000)), 0}, report, now);
    }
  };
  hear(100'000);
  const auto before = live;
  hear(1'000'000);
  EXPECT_LE(live, before + (64 << 10));
  EXPECT_EQ(devices.size(), drivers::bluez::Devices::kMost);
}

}  // namespace
}  // namespace foyer
