#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "drivers/bluez/radio.hpp"

/// The BluezRadio's tap: the kernel's own reports instead of bluetoothd's signals; and, with it, whether scanning
/// passively hears no less.
namespace foyer::drivers::bluez {
namespace {

constexpr std::uint64_t kEnough = 50;  ///< adverts of one way of scanning, to judge it
constexpr double kNoLess = 0.9;

}  // namespace

void BluezRadio::open_tap() {
  if (means_.helper == nullptr) {
    tap_error_ = "nobody here can open it";
    return;
  }
  means_.helper->open_tap([this, alive = std::weak_ptr<const bool>(alive_)](Result<int> fd) {
    if (alive.expired()) {  // stopped meanwhile
      if (fd && *fd >= 0) ::close(*fd);
      return;
    }
    if (!fd || *fd < 0) return lose_tap(fd ? "no descriptor came" : fd.error().message);
    tap_error_.clear();
    tap_.open(
        *fd, [this](const HciReport& report, MonoTime at) { on_report(report, at); },
        [this] { lose_tap("the descriptor failed"); });
    hear_by_bus(false);
    changed();
  });
}

/// From the loop. The adverts come by D-Bus until it is there again.
void BluezRadio::lose_tap(const std::string& why) {
  tap_error_ = why;
  dropped_ += tap_.dropped();
  tap_.close();
  if (trial_ != Trial::idle) trial_ = Trial::idle;
  hear_by_bus(true);
  reconcile();  // passively, by D-Bus, most would be lost
  tap_retry_.fail(clock_.mono());
  const auto due = std::max(tap_retry_.due(), contrary_retry_.due());
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - clock_.mono());
  tap_timer_ = timers_.after(wait, [this] { open_tap(); });
  changed();
}

void BluezRadio::on_report(const HciReport& report, MonoTime at) {
  if (report.index != tap_index_ || !events_) return;
  const auto* scans = scanner();
  if (!scans) return;
  if (report.data.size() > Advert::kMaxData) {
    ++too_long_;
    return;
  }
  // It hears: a tap that only opens proves nothing, and would be opened and given up for ever.
  tap_retry_.succeed();
  contrary_retry_.succeed();
  if (!report.scan_response && !report.data.empty()) ++advertised_;
  Advert advert;
  advert.address = report.address;
  advert.adapter = scans->second.index;
  advert.rssi = report.rssi;
  advert.at = at;
  std::copy(report.data.begin(), report.data.end(), advert.bytes.begin());
  advert.size = static_cast<std::uint8_t>(report.data.size());
  deliver(advert);
}

/// `auto` with the tap: actively as long as Pace::trial and until kEnough came, then as long passively; what hears no
/// less stays. Once in a run, and again after the tap was lost.
void BluezRadio::try_passive(MonoTime now) {
  const auto* scans = scanner();
  if (settings_.mode != Settings::Mode::automatic || trial_ == Trial::over || !tap_.is_open()) return;
  if (!scans || !scans->second.can_monitor || !scans->second.work) return;
  const auto& work = *scans->second.work;
  if ((ill_ != Ill::no && ill_ != Ill::doubtful) || !work.scanning()) {
    trial_ = Trial::idle;
    trial_passive_ = false;
    return;
  }
  const auto count = advertised_ - trial_from_;
  const auto lasted = now - trial_since_;
  switch (trial_) {
    case Trial::idle: trial_ = Trial::active; break;
    case Trial::active:
      if (lasted < settings_.pace.trial || count < kEnough) return;
      trial_active_ = count;
      trial_length_ = lasted;
      trial_passive_ = true;
      trial_ = Trial::passive;
      reconcile();
      break;
    case Trial::passive:
      if (!work.passive()) break;  // its time begins when it scans so; where that is refused, the Adapter tries again
      if (lasted < trial_length_) return;
      return end_trial(static_cast<double>(count) >= kNoLess * static_cast<double>(trial_active_),
                       fmt::format("passively {} adverts were heard where actively {} were", count, trial_active_));
    case Trial::over: return;
  }
  trial_since_ = now;
  trial_from_ = advertised_;
}

void BluezRadio::end_trial(bool passive, std::string why) {
  trial_ = Trial::over;
  trial_passive_ = passive;
  trial_why_ = passive ? "" : "scanning actively: " + why;
  reconcile();
  changed();
}

}  // namespace foyer::drivers::bluez
