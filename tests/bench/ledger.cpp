#include "ledger/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "air.hpp"
#include "base/crypto.hpp"
#include "counting.hpp"
#include "figure.hpp"

namespace foyer::bench {
namespace {

using namespace std::chrono_literals;
using ledger::Ledger;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kDeadline = 10s;

template <class T>
T good(Result<T> result) {
  if (!result) throw std::runtime_error("ledger: " + result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// A ledger in a folder of its own, which goes with it.
class Home {
 public:
  explicit Home(const std::string& folder) : dir_(folder + "/ledger") {
    std::filesystem::create_directory(dir_);
    ledger::Settings settings;
    settings.path = dir_ + "/foyer.db";
    settings.max_bytes = 8ull << 30;
    settings.gateway = "gw-01";
    settings.store = "store-001";
    settings.holdout_key = Bytes(32, 7);
    settings.random = kernel_random;
    settings.wall = [] { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); };
    settings.mono = [] {
      return MonoTime{std::chrono::duration_cast<Mono::duration>(SteadyClock::now().time_since_epoch())};
    };
    settings.boot_id = "bench";
    ledger_ = good(Ledger::open(std::move(settings)));
  }
  ~Home() {
    ledger_.reset();
    std::filesystem::remove_all(dir_);
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  Ledger& ledger() { return *ledger_; }

 private:
  std::string dir_;
  std::unique_ptr<Ledger> ledger_;
};

// ---- the life of an event ------------------------------------------------------------------------------------

constexpr std::uint64_t kEvents = 10'000;
constexpr auto kEventGap = 2ms;         // 500 a second
constexpr std::uint64_t kBehind = 500;  // the acknowledgement of an ingester comes a second later

/// As the daemon tells them: half are identifiers seen and lost, half are visits.
Event presence_event(std::uint64_t i) {
  const auto id = to_string(identifier(i / 4));
  const auto subject = fmt::format("{:020x}", i / 4);
  switch (i % 4) {
    case 0:
      return {Stream::presence, "beacon.seen", "",
              fmt::format(R"({{"adapter":"hci0","format":"ibeacon","identifier":"{}","rssi":-71}})", id)};
    case 1:
      return {Stream::presence, "presence.entered", subject,
              fmt::format(R"({{"identifier":"{}","visit":{},"zone":"entrance"}})", id, i / 4)};
    case 2:
      return {Stream::presence, "presence.left", subject,
              fmt::format(R"({{"dwell_s":41.25,"identifier":"{}","visit":{},"zone":"entrance"}})", id, i / 4)};
    default:
      return {Stream::presence, "beacon.lost", "",
              fmt::format(R"({{"adapter":"hci0","format":"ibeacon","identifier":"{}","rssi":-88}})", id)};
  }
}

/// What the uplink does when events up to here are safe upstream: a batch of them at a time.
void acknowledge(Ledger& ledger, std::uint64_t upto, std::uint64_t& acknowledged) {
  constexpr std::uint64_t kBatch = 100;
  if (upto < acknowledged + kBatch && upto < kEvents) return;
  acknowledged = upto;
  ledger.forget(Stream::presence, upto);
}

void live(Ledger& ledger, std::atomic<std::uint64_t>& stored, std::uint64_t& payload) {
  std::uint64_t acknowledged = 0;
  auto due = SteadyClock::now();
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    std::this_thread::sleep_until(due += kEventGap);  // the pace is what is measured
    auto event = presence_event(i);
    payload += event.type.size() + event.subject.size() + event.data.size();
    if (!ledger.record({std::move(event)})) throw std::runtime_error("an event was refused");
    const auto now = stored.load();
    acknowledge(ledger, now - std::min(now, kBehind), acknowledged);
  }
  const auto end = SteadyClock::now() + kDeadline;
  while (good(ledger.streams(kDeadline)).at(Stream::presence).acked < kEvents) {
    if (SteadyClock::now() > end) throw std::runtime_error("not every event was stored and forgotten");
    acknowledge(ledger, stored, acknowledged);
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace

Figures living(const std::string& folder) {
  Home home(folder);
  auto& ledger = home.ledger();
  std::atomic<std::uint64_t> stored{0};
  ledger.on_stored([&](const std::vector<StoredEvent>& events) {
    for (const auto& event : events)
      if (event.event.stream == Stream::presence) stored = event.seq;
  });
  std::uint64_t payload = 0;
  const auto bytes = bytes_written(), synced = syncs();
  live(ledger, stored, payload);
  ledger.close();
  const auto per_event = [](std::uint64_t count) { return static_cast<double>(count) / kEvents; };
  const auto note = fmt::format(
      "500 presence events/s of {:.0f} bytes, acknowledged a second later, from record to gone", per_event(payload));
  return {{"bytes_per_event", per_event(bytes_written() - bytes), "bytes", kEvents, note + "; bytes given to write"},
          {"fsyncs_per_event", per_event(syncs() - synced), "fsyncs", kEvents, note}};
}

}  // namespace foyer::bench
