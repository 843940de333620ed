#include "drivers/bluez/radio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "drivers/bluez/names.hpp"

/// The Radio as its port sees it, and what is wanted of which adapter. What comes from the bus is in radio_bus.cpp.
namespace foyer::drivers::bluez {
namespace {

constexpr std::size_t kMaxAdapters = 32;  ///< ever shown in one run; a further one is not used

bool same(const ports::RadioStatus& a, const ports::RadioStatus& b) {
  const auto adapter = [](const ports::AdapterStatus& x, const ports::AdapterStatus& y) {
    return x.name == y.name && x.address == y.address && x.powered == y.powered && x.scanning == y.scanning;
  };
  const auto broadcast = [](const ports::BroadcastStatus& x, const ports::BroadcastStatus& y) {
    return x.broadcast.id == y.broadcast.id && x.state == y.state && x.error == y.error;
  };
  return a.up == b.up && a.mode == b.mode && a.reason == b.reason &&
         std::equal(a.adapters.begin(), a.adapters.end(), b.adapters.begin(), b.adapters.end(), adapter) &&
         std::equal(a.broadcasts.begin(), a.broadcasts.end(), b.broadcasts.begin(), b.broadcasts.end(), broadcast);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

BluezRadio::BluezRadio(Settings settings, ports::Poller& poller, ports::Timers& timers, const ports::Clock& clock)
    : settings_(std::move(settings)),
      timers_(timers),
      clock_(clock),
      bus_(poller, timers),
      bus_retry_(settings_.pace),
      owner_retry_(settings_.pace),
      reason_("not started") {
  settings_.rssi_floor = std::clamp(settings_.rssi_floor, -127, 20);
}

Result<void> BluezRadio::start(ports::RadioEvents& events) {
  events_ = &events;
  open_bus();
  changed();
  return {};
}

void BluezRadio::broadcast(std::vector<ports::Broadcast> beacons) {
  beacons_ = std::move(beacons);
  reconcile();
  changed();
}

void BluezRadio::stop() {
  events_ = nullptr;
  retry_.reset();
  publish_.reset();
  on_gone("stopped");
  bus_.close();
}

ports::RadioStatus BluezRadio::status() const {
  ports::RadioStatus status;
  const bool off = settings_.mode == Settings::Mode::off;
  status.mode = off ? "off" : "active";
  status.adapters = list_;
  bool scanning = false;
  std::string problem;
  for (const auto& [path, shown] : shown_) {
    auto& adapter = status.adapters[shown.index];
    adapter.powered = shown.powered;
    adapter.scanning = shown.work && shown.work->scanning();
    scanning = scanning || adapter.scanning;
    if (!shown.work) continue;
    if (path == scanning_path_) problem = shown.work->problem();
    shown.work->broadcasts(status.broadcasts);
  }
  status.broadcasts.insert(status.broadcasts.end(), homeless_.begin(), homeless_.end());
  const bool on_air = std::all_of(status.broadcasts.begin(), status.broadcasts.end(),
                                  [](const auto& b) { return b.state != ports::BroadcastState::requested; });
  status.up = known_ && (off ? on_air : scanning);
  if (!reason_.empty())
    status.reason = reason_;
  else if (off && !on_air)
    status.reason = "a beacon is not on the air";
  else if (!off && scanning_path_.empty())
    status.reason = settings_.adapter == "auto" ? "no Bluetooth adapter" : "no Bluetooth adapter " + settings_.adapter;
  else if (!off && !scanning)
    status.reason = problem.empty() ? "starting to scan" : problem;
  else if (settings_.mode == Settings::Mode::passive)
    status.reason = "passive scanning is not supported by this version; scanning actively";
  return status;
}

/// Tells every adapter what is wanted of it now.
void BluezRadio::reconcile() {
  homeless_.clear();
  std::map<std::string, std::vector<ports::Broadcast>> wanted;
  const auto* chosen = known_ ? choose(settings_.adapter) : nullptr;
  scanning_path_ = chosen && settings_.mode != Settings::Mode::off ? chosen->first : "";
  for (const auto& beacon : beacons_) {
    const auto* home = !known_ ? nullptr : beacon.adapter == "auto" ? chosen : choose(beacon.adapter);
    if (home)
      wanted[home->first].push_back(beacon);
    else
      homeless_.push_back({beacon, ports::BroadcastState::requested,
                           !reason_.empty() ? reason_ : fmt::format("no Bluetooth adapter {}", beacon.adapter)});
  }
  if (!known_) return;
  for (auto& [path, shown] : shown_) {
    const bool scan = path == scanning_path_;
    const auto beacons = wanted.find(path);
    if (!shown.work && !scan && beacons == wanted.end()) continue;
    if (!shown.work)
      shown.work = std::make_shared<Adapter>(
          Adapter::World{bus_, timers_, clock_, settings_.pace, settings_.rssi_floor, [this] { changed(); }}, path,
          shown.powered, shown.discovering);
    shown.work->want(scan, beacons == wanted.end() ? std::vector<ports::Broadcast>{} : beacons->second);
  }
}

/// auto: the one in use already, else the first that is powered, else the first. Null: there is none.
const BluezRadio::ShownMap::value_type* BluezRadio::choose(const std::string& wanted) const {
  const ShownMap::value_type* best = nullptr;
  const auto address = parse_mac(wanted);
  for (const auto& shown : shown_) {
    if (wanted == "auto") {
      if (shown.first == scanning_path_) return &shown;
      if (!best || (shown.second.powered && !best->second.powered)) best = &shown;
    } else if (address ? parse_mac(list_[shown.second.index].address) == address : name_of(shown.first) == wanted) {
      return &shown;
    }
  }
  return best;
}

/// The same number for the same adapter for the whole run, by address: hciN may change hands.
std::optional<std::uint8_t> BluezRadio::list_index(const std::string& name, const std::string& address) {
  const auto known = std::find_if(list_.begin(), list_.end(), [&](const auto& adapter) {
    return address.empty() || adapter.address.empty() ? adapter.name == name : adapter.address == address;
  });
  if (known == list_.end()) {
    if (list_.size() >= kMaxAdapters) return {};
    list_.push_back({name, address, false, false, 0, 0});
    return static_cast<std::uint8_t>(list_.size() - 1);
  }
  known->name = name;
  if (!address.empty()) known->address = address;
  return static_cast<std::uint8_t>(known - list_.begin());
}

void BluezRadio::changed() {
  if (!events_ || publish_) return;
  publish_ = timers_.after(std::chrono::milliseconds{0}, [this] { publish(); });
}

void BluezRadio::publish() {
  publish_.reset();
  if (!events_) return;
  auto now = status();
  if (published_once_ && same(now, published_)) return;
  published_once_ = true;
  published_ = std::move(now);
  events_->on_radio_changed(published_);
}

std::unique_ptr<ports::Radio> make_radio(Settings settings, ports::Poller& poller, ports::Timers& timers,
                                         const ports::Clock& clock) {
  return std::make_unique<BluezRadio>(std::move(settings), poller, timers, clock);
}

}  // namespace foyer::drivers::bluez
