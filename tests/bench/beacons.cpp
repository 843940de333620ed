#include <fmt/format.h>

#include "air.hpp"
#include "beacon/decode.hpp"
#include "counting.hpp"
#include "figure.hpp"
#include "presence/presence.hpp"

namespace foyer::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kAdverts = 10'000'000;
constexpr std::uint64_t kRotating = 100'000;  // identifiers (and addresses) that take turns
constexpr auto kBetween = 2ms;                // 500 adverts a second, by the clock that is handed in
constexpr std::uint64_t kTickEvery = 500;

presence::Settings zones() {
  presence::Settings settings;
  const auto named = [](std::uint64_t number) {
    const auto id = identifier(number);
    return presence::ZoneBeacon{id.uuid, id.major, id.minor};
  };
  settings.zones.push_back({"entrance", {named(1), named(2)}, -70, -76, 30s, 45s});
  settings.zones.push_back({"till", {named(3), named(4)}, -65, -71, 30s, 45s});
  settings.zones.push_back({"shop", {}, -75, -81, 30s, 45s});
  return settings;
}

std::vector<BeaconId> rotating() {
  std::vector<BeaconId> ids;
  for (std::uint64_t i = 0; i < kRotating; ++i) ids.push_back(identifier(i));
  return ids;
}

/// The address of the moment: another for every identifier, and again every 1,000 hearings of all.
MacAddress rotated(std::uint64_t number, std::uint64_t turn) {
  MacAddress address;
  for (std::size_t i = 0; i < address.bytes.size(); ++i)
    address.bytes[i] = static_cast<std::uint8_t>((number * 0x9e3779b97f4a7c15ull + turn / 1'000) >> 8 * i);
  return address;
}

/// The sightings of a crowd of `identifiers`, one after the other.
class Crowd {
 public:
  explicit Crowd(std::uint64_t identifiers = kRotating) : identifiers_(identifiers) {}

  presence::Sighting next() {
    at_ += kBetween;
    const auto number = numbers_.next();
    const auto rssi = static_cast<std::int8_t>(-55 - static_cast<int>(number >> 32) % 40);
    return {ids_[number % identifiers_], rssi, 0, at_, rotated(number % identifiers_, turn_++), -59};
  }
  MonoTime now() const { return at_; }

 private:
  std::vector<BeaconId> ids_ = rotating();
  Numbers numbers_{2};
  MonoTime at_{1000s};
  std::uint64_t identifiers_, turn_ = 0;
};

/// Allocations a step while who is here stays the same: 1,000 identifiers, all of them in the table.
double steady_allocations() {
  constexpr std::uint64_t kSteps = 1'000'000;
  presence::Presence presence(zones(), 1);
  std::vector<presence::Change> changes;
  std::uint64_t told = 0;
  MonoTime at{1000s};
  const auto run = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      at += kBetween;
      presence.step({identifier(i % 1'000), -60, 0, at, rotated(i % 1'000, 0), -59}, changes);
      if (i % kTickEvery == 0) presence.tick(at, changes);
      told += changes.size();
      changes.clear();
    }
  };
  run(200'000);  // everybody is in, and has dwelled
  told = 0;
  const auto before = allocations();
  run(kSteps);
  return static_cast<double>(allocations() - before) / static_cast<double>(kSteps) + (told > 0 ? 1 : 0);
}

}  // namespace

Figures decoding() {
  const auto adverts = street(10'000);
  std::uint64_t frames = 0, malformed = 0;
  const auto pass = [&] {
    for (const auto& advert : adverts) {
      const auto broken = beacon::for_each_frame(advert.data(), [&](const beacon::Frame& frame) {
        keep(frame);
        ++frames;
      });
      if (broken) ++malformed;
    }
  };
  pass();  // warm
  constexpr std::uint64_t kPasses = 1000;
  const auto before = allocations();
  const CpuWatch watch;
  for (std::uint64_t i = 0; i < kPasses; ++i) pass();
  const double seconds = watch.seconds();
  const double allocated = static_cast<double>(allocations() - before);
  const auto n = kPasses * adverts.size();
  const double count = static_cast<double>(n);
  const auto mix = fmt::format("{:.0f} % of the adverts carry a beacon, {:.0f} % are malformed",
                               100.0 * static_cast<double>(frames) / (count + 10'000),
                               100.0 * static_cast<double>(malformed) / (count + 10'000));
  return {{"decode_rate", count / seconds, "adverts/s", n, "one core, its own time; " + mix},
          {"decode_allocations", allocated / count, "per advert", n, "operator new, counted in the decoding thread"}};
}

Figures stepping() {
  presence::Presence presence(zones(), 1);
  Crowd crowd;
  std::vector<presence::Change> changes;
  const auto run = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      presence.step(crowd.next(), changes);
      if (i % kTickEvery == 0) presence.tick(crowd.now(), changes);
      changes.clear();
    }
  };
  run(kRotating);  // the table is full now
  const CpuWatch watch;
  run(kAdverts);
  const double ns = watch.seconds() * 1e9 / static_cast<double>(kAdverts);
  const auto evicted = presence.figures().evictions;
  return {{"presence_step_ns", ns, "ns", kAdverts,
           fmt::format("the worst mix: {} identifiers take turns in a table of {}, {:.0f} % of steps evict one; while "
                       "1,000 stay, {} allocations a step",
                       kRotating, presence.figures().identifiers,
                       100.0 * static_cast<double>(evicted) / static_cast<double>(kAdverts), steady_allocations())}};
}

Figures growing() {
  presence::Presence presence(zones(), 1);
  Crowd crowd;
  std::vector<presence::Change> changes;
  const auto run = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto sighting = crowd.next();
      const auto advert = ibeacon_advert(sighting.id.beacon_id(), sighting.rssi, sighting.at);
      static_cast<void>(beacon::for_each_frame(advert.data(), [&](const beacon::Frame& frame) {
        if (const auto* found = std::get_if<beacon::IBeacon>(&frame))
          presence.step({found->id, advert.rssi, advert.adapter, advert.at, sighting.address, found->measured_power},
                        changes);
      }));
      if (i % kTickEvery == 0) presence.tick(crowd.now(), changes);
      changes.clear();
    }
  };
  run(kRotating);  // every identifier was heard about once, the table is full
  const auto before = resident();
  run(kAdverts);
  const auto after = resident();
  return {{"presence_growth_bytes", static_cast<double>(after) - static_cast<double>(before), "bytes", kAdverts,
           fmt::format("resident memory over 10 million decoded adverts of {} identifiers, addresses rotating; the "
                       "table holds {} bytes",
                       kRotating, presence.figures().memory)}};
}

}  // namespace foyer::bench
