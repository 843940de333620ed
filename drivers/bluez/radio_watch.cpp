#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "drivers/bluez/names.hpp"
#include "drivers/bluez/radio.hpp"

/// How the BluezRadio stays alive (docs/radio.md): it looks once a second whether all that is needed is there and
/// whether adverts come as they are used to, and climbs the Ladder while they do not.
namespace foyer::drivers::bluez {
namespace {

using ports::Rung;
constexpr unsigned kContrary = 5;    ///< reports by D-Bus that prove a silent tap broken
constexpr unsigned kUnanswered = 2;  ///< pings in a row: one may be late on a busy box

}  // namespace

void BluezRadio::watch() {
  const MonoTime now = clock_.mono();
  const auto* scans = scanner();
  const bool scanning = scans && scans->second.work && scans->second.work->scanning();
  if (scanning && !std::exchange(was_scanning_, scanning)) liveness_.listening(now);
  was_scanning_ = scanning;
  if (scanning && !deaf_) {
    liveness_.tick(now);
    const auto verdict = liveness_.judge(now);
    if (verdict == Liveness::Verdict::deaf) {
      deaf_ = true;
      contrary_ = 0;
      if (tap_.is_open()) hear_by_bus(true);
      changed();
    }
    // Whatever the silence means, a daemon that does not answer is none to wait for. With the tap nothing is silent
    // when bluetoothd hangs, so it is asked anyway.
    const auto often = tap_.is_open() ? settings_.pace.patience : settings_.pace.quiet;
    if (verdict != Liveness::Verdict::fine || now - pinged_ >= often) ping();
  } else if (!owner_.empty() && (hung_ || deaf_)) {
    ping();
  }
  if (tap_.is_open() && deaf_ && contrary_ >= kContrary) {
    contrary_retry_.fail(now);
    lose_tap("D-Bus hears what the tap does not");
    heal();
  }
  try_passive(now);

  const Ill ill = diagnose(now);
  const bool doubtful = ill == Ill::doubtful;
  if (ill == Ill::no || doubtful) ladder_.over();
  if (ill != Ill::no && (ill_ == Ill::no || doubtful != (ill_ == Ill::doubtful))) ill_since_ = now;
  if (std::exchange(ill_, ill) != ill) changed();
  account();
  if (ill == Ill::no) return;
  doubting_ = doubting_ || doubtful;
  if (unanswered_ > 0 && !hung_) return;  // soon known: a hung bluetoothd is no case for the radio's rungs
  if (const auto rung = (doubtful ? doubts_ : ladder_).next(now, trouble(ill))) climb(*rung);
}

BluezRadio::Ill BluezRadio::diagnose(MonoTime now) const {
  if (!events_ || !bus_.is_open()) return Ill::no;  // without a bus there is nothing to climb
  if (owner_.empty()) return Ill::gone;
  if (hung_) return Ill::hung;
  if (!known_) return Ill::silent_daemon;
  if (settings_.mode == Settings::Mode::off) return Ill::no;
  const auto* scans = scanner();
  if (!scans || !scans->second.work) return Ill::absent;
  const auto& work = *scans->second.work;
  if (!work.scanning()) return work.powered() ? Ill::not_scanning : Ill::unpowered;
  if (deaf_) return Ill::deaf;
  return liveness_.judge(now) == Liveness::Verdict::suspicious ? Ill::doubtful : Ill::no;
}

Ladder::Trouble BluezRadio::trouble(Ill ill) const {
  const auto& pace = settings_.pace;
  Ladder::Trouble trouble;
  trouble.since = ill_since_;
  switch (ill) {
    case Ill::no: break;
    case Ill::gone:
    case Ill::silent_daemon:  // systemd, or bluetoothd itself, may be about to mend it
      trouble.first = Rung::service;
      trouble.patience = pace.patience;
      break;
    case Ill::hung: trouble.first = Rung::service; break;
    case Ill::absent:
      trouble.first = Rung::reset;
      trouble.patience = pace.patience;
      break;
    case Ill::unpowered:
      trouble.first = Rung::reset;
      trouble.patience = pace.silence;
      break;
    case Ill::not_scanning:
      trouble.first = Rung::power;
      trouble.patience = pace.settle;
      break;
    case Ill::deaf: break;
    case Ill::doubtful:
      trouble.patience = pace.doubt;
      trouble.eager = false;
      // More would take the shop's own beacons off the air, for what is most likely a closed shop.
      trouble.possible = {true, liveness_.silence(clock_.mono()) >= pace.forlorn, false, false};
      return trouble;
  }
  trouble.possible[static_cast<std::size_t>(Rung::reset)] = can_reset();
  // An adapter never seen may be nobody's; others' beacons are not to go off the air for it.
  if (ill == Ill::absent && last_index_ < 0) trouble.possible[static_cast<std::size_t>(Rung::service)] = shown_.empty();
  return trouble;
}

/// The adapter that scans or scanned last; not another that has its number now.
bool BluezRadio::can_reset() const {
  if (means_.helper == nullptr || last_index_ < 0) return false;
  return tap_index_ >= 0 || !shown_.contains(fmt::format("/org/bluez/hci{}", last_index_));
}

void BluezRadio::climb(Rung rung) {
  const auto* scans = scanner();
  const auto work = scans ? scans->second.work : nullptr;
  changed();
  switch (rung) {
    case Rung::discovery:
      if (work) work->restart_scan();
      break;
    case Rung::power:
      if (work) work->power_cycle();
      break;
    case Rung::reset:
      means_.helper->reset(static_cast<std::uint16_t>(last_index_),
                           [this, alive = std::weak_ptr<const bool>(alive_)](Result<void> done) {
                             if (!done && !alive.expired()) ladder_.failed(clock_.mono());
                           });
      break;
    case Rung::service: restart_service(); break;
  }
}

/// Whether it may is for the system to say (polkit: org.freedesktop.systemd1.manage-units for this one unit).
void BluezRadio::restart_service() {
  const auto write = [](sdbus::MethodCall& message) {
    message << "bluetooth.service"
            << "replace";
  };
  bus_.call(kSystemd, kSystemdPath, kSystemdManagerInterface, "RestartUnit", write, settings_.pace.call,
            [this](const Reply& reply) {
              service_error_ = reply.ok() ? "" : fmt::format("bluetooth.service may not be restarted: {}", reply.text);
              changed();
            });
}

/// Any answer will do, an error too.
void BluezRadio::ping() {
  if (pinging_ || owner_.empty()) return;
  pinging_ = true;
  pinged_ = clock_.mono();
  bus_.call(kBluez, "/", kPeerInterface, "Ping", {}, settings_.pace.ping, [this, owner = owner_](const Reply& reply) {
    pinging_ = false;
    if (owner != owner_) return;
    const bool silent = !reply.ok() && reply.error == "org.freedesktop.DBus.Error.NoReply";
    unanswered_ = silent ? unanswered_ + 1 : 0;
    const bool hung = unanswered_ >= kUnanswered;
    if (std::exchange(hung_, hung) != hung) changed();
    if (silent && !hung) ping();
  });
}

/// Something is heard: whatever it was, it is over.
void BluezRadio::heal() {
  if (std::exchange(deaf_, false)) {
    if (tap_.is_open()) tap_timer_ = timers_.after(std::chrono::milliseconds{0}, [this] { hear_by_bus(false); });
    changed();
  }
  if (std::exchange(doubting_, false)) doubts_.over();
  if (ill_ != Ill::deaf && ill_ != Ill::doubtful) return;
  ill_ = Ill::no;
  ladder_.over();
  changed();
}

/// Keeps the time without hearing; a deaf radio's began with the silence, not with the verdict. So did that of one that
/// was suspicious before it showed that it is broken, but not further back than a shop may be quiet.
void BluezRadio::account() {
  if (settings_.mode == Settings::Mode::off) return;
  const MonoTime now = clock_.mono();
  if (hearing()) {
    if (down_since_) down_total_ += now - *down_since_;
    down_since_.reset();
  } else if (!down_since_) {
    const auto silence = liveness_.silence(now);
    const bool doubted = liveness_.listened() && liveness_.judge(now) != Liveness::Verdict::fine;
    down_since_ = deaf_     ? now - silence
                  : doubted ? now - std::min<MonoTime::duration>(silence, settings_.pace.quiet)
                            : now;
    ladder_.forget();
  }
}

}  // namespace foyer::drivers::bluez
