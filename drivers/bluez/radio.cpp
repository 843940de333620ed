#include "drivers/bluez/radio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
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
  return a.up == b.up && a.mode == b.mode && a.source == b.source && a.reason == b.reason && a.rung == b.rung &&
         std::equal(a.adapters.begin(), a.adapters.end(), b.adapters.begin(), b.adapters.end(), adapter) &&
         std::equal(a.broadcasts.begin(), a.broadcasts.end(), b.broadcasts.begin(), b.broadcasts.end(), broadcast);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

constexpr std::chrono::minutes kContraryFirst{1}, kContraryLongest{60};

}  // namespace

BluezRadio::BluezRadio(Settings settings, Means means)
    : settings_(std::move(settings)),
      means_(std::move(means)),
      timers_(means_.timers),
      clock_(means_.clock),
      bus_(means_.poller, timers_),
      bus_retry_(settings_.pace),
      owner_retry_(settings_.pace),
      tap_retry_(settings_.pace),
      reason_("not started"),
      tap_(means_.poller, timers_, clock_, settings_.pace),
      contrary_retry_(kContraryFirst, kContraryLongest),
      liveness_(settings_.pace),
      ladder_(settings_.pace, means_.random),
      doubts_(settings_.pace, means_.random) {
  settings_.rssi_floor = std::clamp(settings_.rssi_floor, -127, 20);
}

Result<void> BluezRadio::start(ports::RadioEvents& events) {
  events_ = &events;
  alive_ = std::make_shared<const bool>(true);
  open_bus();
  if (settings_.tap && settings_.mode != Settings::Mode::off) open_tap();
  look_ = timers_.every(settings_.pace.look, [this] { watch(); });
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
  look_.reset();
  tap_timer_.reset();
  dropped_ += tap_.dropped();
  tap_.close();
  alive_.reset();
  account();
  down_since_.reset();
  judge_anew();
  judged_.reset();
  ill_ = Ill::no;
  ladder_.over();
  on_gone("stopped");
  bus_.close();
}

ports::RadioStatus BluezRadio::status() const {
  ports::RadioStatus status;
  const bool off = settings_.mode == Settings::Mode::off;
  const auto* scans = scanner();
  status.mode = off ? "off" : scans && scans->second.work && scans->second.work->passive() ? "passive" : "active";
  status.source = off ? "" : tap_.is_open() ? "tap" : "dbus";
  status.rung = ladder_.highest();
  status.rungs = ladder_.counts();
  for (std::size_t i = 0; i < ports::kRungs; ++i) status.rungs[i] += doubts_.counts()[i];
  const auto down = down_total_ + (down_since_ ? clock_.mono() - *down_since_ : MonoTime::duration{0});
  status.deaf = std::chrono::duration_cast<std::chrono::milliseconds>(down);
  status.coalesced = devices_.coalesced();
  status.dropped = dropped_ + tap_.dropped();
  status.passed_over = {empty_, weak_, too_long_, tap_.cut(), bus_.odd()};
  status.devices = devices_.size();
  status.devices_evicted = devices_.evictions();
  status.adapters = list_;
  bool scanning = false;
  std::string problem;
  for (const auto& [path, shown] : shown_) {
    auto& adapter = status.adapters[shown.index];
    adapter.powered = shown.powered;
    adapter.scanning = shown.work && shown.work->scanning();
    if (path == scanning_path_) adapter.rate = liveness_.rate();
    scanning = scanning || adapter.scanning;
    if (!shown.work) continue;
    if (path == scanning_path_) problem = shown.work->problem();
    shown.work->broadcasts(status.broadcasts);
  }
  status.broadcasts.insert(status.broadcasts.end(), homeless_.begin(), homeless_.end());
  const bool on_air = std::all_of(status.broadcasts.begin(), status.broadcasts.end(),
                                  [](const auto& b) { return b.state != ports::BroadcastState::requested; });
  status.up = off ? known_ && on_air : hearing();
  if (!reason_.empty())
    status.reason = reason_;
  else if (off && !on_air)
    status.reason = "a beacon is not on the air";
  else if (!off && scanning_path_.empty())
    status.reason = settings_.adapter == "auto" ? "no Bluetooth adapter" : "no Bluetooth adapter " + settings_.adapter;
  else if (!off && !scanning)
    status.reason = problem.empty() ? "starting to scan" : problem;
  else if (hung_)
    status.reason = "bluetoothd does not answer";
  else if (deaf_)
    status.reason = fmt::format("hears nothing where {:.1f} adverts a second are usual", liveness_.rate());
  else
    status.reason = remark();
  if (!status.up && !service_error_.empty()) status.reason += "; " + service_error_;
  return status;
}

bool BluezRadio::hearing() const {
  const auto* scans = scanner();
  return scans && scans->second.work && scans->second.work->scanning() && !deaf_ && (!hung_ || tap_.is_open());
}

/// What is not as it was asked for though it works.
std::string BluezRadio::remark() const {
  const auto* scans = scanner();
  const auto& why = scans && scans->second.work ? scans->second.work->passive_refused() : "";
  if (settings_.mode == Settings::Mode::passive && scans && !scans->second.work->passive())
    return "scanning actively, not passively: " +
           (!why.empty()                 ? why
            : !scans->second.can_monitor ? std::string("bluetoothd offers no AdvertisementMonitorManager1 (it wants "
                                                       "Experimental = true in main.conf)")
                                         : "starting");
  if (trial_passive_ && tap_.is_open() && scans && !scans->second.work->passive() && !why.empty())
    return "scanning actively, not passively: " + why;
  if (settings_.tap && !tap_.is_open() && !tap_error_.empty()) return "no tap: " + tap_error_;
  if (settings_.mode == Settings::Mode::automatic && !trial_why_.empty()) return trial_why_;
  return {};
}

const BluezRadio::ShownMap::value_type* BluezRadio::scanner() const {
  const auto known = known_ && !scanning_path_.empty() ? shown_.find(scanning_path_) : shown_.end();
  return known == shown_.end() ? nullptr : &*known;
}

Scan BluezRadio::scan_mode(const Shown& shown) const {
  const bool passive = settings_.mode == Settings::Mode::passive ||
                       (settings_.mode == Settings::Mode::automatic && trial_passive_ && tap_.is_open());
  return passive && shown.can_monitor ? Scan::passive : Scan::active;
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
  tap_index_ = -1;
  if (!known_) return;
  if (const auto name = name_of(scanning_path_); name.starts_with("hci"))
    std::from_chars(name.data() + 3, name.data() + name.size(), tap_index_);
  if (tap_index_ >= 0) last_index_ = tap_index_;
  if (const auto* scans = scanner(); scans && judged_ != scans->second.index) {
    judge_anew();
    judged_ = scans->second.index;
  }
  for (auto& [path, shown] : shown_) {
    const bool scan = path == scanning_path_;
    const auto beacons = wanted.find(path);
    if (!shown.work && !scan && beacons == wanted.end()) continue;
    if (!shown.work)
      shown.work = std::make_shared<Adapter>(Adapter::World{bus_, timers_, clock_, settings_.pace, settings_.rssi_floor,
                                                            [this] { changed(); }, [this] { ping(); }},
                                             path, shown.powered, shown.discovering);
    shown.work->want(scan ? scan_mode(shown) : Scan::off,
                     beacons == wanted.end() ? std::vector<ports::Broadcast>{} : beacons->second);
  }
}

/// Another adapter scans: what the last one was used to, and whether it heard, says nothing of it.
void BluezRadio::judge_anew() {
  liveness_ = Liveness(settings_.pace);
  was_scanning_ = trial_passive_ = doubting_ = false;
  trial_ = Trial::idle;
  doubts_.over();
  if (std::exchange(deaf_, false) && tap_.is_open())
    tap_timer_ = timers_.after(std::chrono::milliseconds{0}, [this] { hear_by_bus(false); });
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

/// An advert of the adapter that scans. May end the radio: whoever it is told to may stop it.
void BluezRadio::deliver(Advert& advert) {
  // The filters of all of bluetoothd's clients are merged, and the tap has none: what we did not ask for comes too.
  if (advert.rssi != Advert::kNoRssi && advert.rssi < settings_.rssi_floor) {
    ++weak_;
    return;
  }
  if (advert.size == 0) {  // a broken controller reports these; they prove nothing
    ++empty_;
    return;
  }
  ++list_[advert.adapter].adverts;
  liveness_.heard(advert.address, advert.at);
  if (deaf_ || doubting_ || ill_ != Ill::no) heal();
  if (!beacons_.empty())
    for (const auto& [other, shown] : shown_)
      if (shown.work && other != scanning_path_) shown.work->heard_elsewhere(advert.data());
  events_->on_advert(advert);
}

void BluezRadio::changed() {
  if (!events_ || publish_) return;
  publish_ = timers_.after(std::chrono::milliseconds{0}, [this] { publish(); });
}

void BluezRadio::publish() {
  publish_.reset();
  if (!events_) return;
  account();
  auto now = status();
  if (published_once_ && same(now, published_)) return;
  published_once_ = true;
  published_ = std::move(now);
  events_->on_radio_changed(published_);
}

std::unique_ptr<ports::Radio> make_radio(Settings settings, Means means) {
  return std::make_unique<BluezRadio>(std::move(settings), std::move(means));
}

}  // namespace foyer::drivers::bluez
