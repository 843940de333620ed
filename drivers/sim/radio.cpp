#include <algorithm>
#include <cmath>
#include <queue>
#include <random>
#include <utility>

#include "base/advert.hpp"
#include "drivers/sim/sim_radio.hpp"

namespace foyer::drivers::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::uint8_t, 1> kFlags{0x06};  // LE general discoverable, no BR/EDR
constexpr std::array<std::uint8_t, 2> kApple{0x4C, 0x00};

double strength(const std::vector<PathPoint>& path, milliseconds since) {
  const auto next = std::find_if(path.begin(), path.end(), [&](const PathPoint& p) { return p.at > since; });
  if (next == path.begin()) return path.front().rssi;
  if (next == path.end()) return path.back().rssi;
  const auto& last = *(next - 1);
  const double share =
      static_cast<double>((since - last.at).count()) / static_cast<double>((next->at - last.at).count());
  return last.rssi + share * (next->rssi - last.rssi);
}

class SimRadio final : public ports::Radio {
 public:
  SimRadio(Scenario scenario, ports::Timers& timers, const ports::Clock& clock, std::uint64_t seed)
      : scenario_(std::move(scenario)), timers_(timers), clock_(clock), random_(seed) {
    status_.mode = "sim";
    status_.source = "sim";
    status_.reason = "not started";
    status_.adapters = {{"sim0", "02:00:00:00:00:00", true, false, 0, 0}};
  }

  Result<void> start(ports::RadioEvents& events) override {
    events_ = &events;
    status_.up = true;
    status_.reason.clear();
    status_.adapters[0].scanning = true;
    const MonoTime now = clock_.mono();
    for (const auto& shopper : scenario_.shoppers)
      for (std::uint32_t i = 0; i < shopper.count; ++i) add(shopper, static_cast<std::uint16_t>(i), now);
    say_changed();
    schedule();
    return {};
  }

  void broadcast(std::vector<ports::Broadcast> beacons) override {
    status_.broadcasts.clear();
    for (auto& beacon : beacons)
      status_.broadcasts.push_back({std::move(beacon), ports::BroadcastState::confirmed, ""});
    say_changed();
  }

  ports::RadioStatus status() const override { return status_; }

  void stop() override {
    events_ = nullptr;
    timer_.reset();
    change_.reset();
    due_ = {};
    walkers_.clear();
    status_.up = false;
    status_.reason = "stopped";
    status_.adapters[0].scanning = false;
    status_.broadcasts.clear();
  }

 private:
  /// One of a Shopper's count.
  struct Walker {
    const Shopper* shopper = nullptr;
    BeaconId id;
    MonoTime arrived{}, rotates{};
    MacAddress address;
  };
  using Due = std::pair<MonoTime, std::size_t>;  ///< when which walker is heard next

  void add(const Shopper& shopper, std::uint16_t offset, MonoTime now) {
    Walker walker{&shopper, shopper.id, now + shopper.arrive, {}, {}};
    walker.id.minor = static_cast<std::uint16_t>(walker.id.minor + offset);
    // Copies do not speak in step.
    const auto phase =
        offset == 0 ? milliseconds{0} : milliseconds(random_() % static_cast<std::uint64_t>(shopper.interval.count()));
    due_.emplace(walker.arrived + phase, walkers_.size());
    walkers_.push_back(walker);
    rotate(walkers_.back(), walker.arrived);
  }

  /// The address it is given, or a new random one: non-resolvable, its two highest bits zero (Core 5.4 Vol 6 Part
  /// B 1.3.2.2).
  void rotate(Walker& walker, MonoTime now) {
    if (walker.shopper->address) {
      walker.address = *walker.shopper->address;
      walker.rotates = MonoTime::max();
      return;
    }
    for (auto& byte : walker.address.bytes) byte = static_cast<std::uint8_t>(random_());
    walker.address.bytes[0] &= 0x3F;
    walker.rotates = walker.shopper->rotate_address ? now + *walker.shopper->rotate_address : MonoTime::max();
  }

  void schedule() {
    if (due_.empty()) return;
    const auto wait = std::chrono::ceil<milliseconds>(due_.top().first - clock_.mono());
    timer_ = timers_.after(std::max(wait, milliseconds{0}), [this] { turn(); });
  }

  /// Every walker that is due is heard once: a loop that was held up skips adverts instead of pouring them out.
  void turn() {
    const MonoTime now = clock_.mono();
    while (events_ && !due_.empty() && due_.top().first <= now) {
      const auto index = due_.top().second;
      due_.pop();
      if (const auto next = hear(walkers_[index], now); next != MonoTime::max() && events_) due_.emplace(next, index);
    }
    if (events_) schedule();
  }

  /// When it is heard next; max: never again.
  MonoTime hear(Walker& walker, MonoTime now) {
    const auto& shopper = *walker.shopper;
    if (shopper.stay && now >= walker.arrived + *shopper.stay) {
      if (!shopper.repeat) return MonoTime::max();
      const auto round = *shopper.stay + *shopper.repeat;
      walker.arrived += round * ((now - walker.arrived) / round);
      if (now >= walker.arrived + *shopper.stay) walker.arrived += round;
      rotate(walker, walker.arrived);
      if (walker.arrived > now) return walker.arrived;
    }
    if (now >= walker.rotates) rotate(walker, now);
    const auto since = std::chrono::duration_cast<milliseconds>(now - walker.arrived);
    const double rssi = strength(shopper.path, since) + shopper.noise * gauss_(random_);
    Advert advert;
    advert.address = walker.address;
    advert.rssi = static_cast<std::int8_t>(std::clamp(std::lround(rssi), -127l, 20l));
    advert.at = now;
    advert.append(0x01, kFlags);
    advert.append(0xFF, kApple, ibeacon_value(walker.id, shopper.measured_power));
    ++status_.adapters[0].adverts;
    events_->on_advert(advert);
    return now + shopper.interval;
  }

  void say_changed() {
    if (!events_) return;
    change_ = timers_.after(milliseconds{0}, [this] { events_->on_radio_changed(status_); });
  }

  const Scenario scenario_;
  ports::Timers& timers_;
  const ports::Clock& clock_;
  std::mt19937_64 random_;
  std::normal_distribution<double> gauss_;
  ports::RadioEvents* events_ = nullptr;
  ports::RadioStatus status_;
  std::vector<Walker> walkers_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  ports::TimerHandle timer_, change_;
};

}  // namespace

std::unique_ptr<ports::Radio> make_radio(Scenario scenario, ports::Timers& timers, const ports::Clock& clock,
                                         std::uint64_t seed) {
  return std::make_unique<SimRadio>(std::move(scenario), timers, clock, seed);
}

}  // namespace foyer::drivers::sim
