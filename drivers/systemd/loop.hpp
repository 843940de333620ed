#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "ports/clock.hpp"
#include "ports/poller.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::systemd {

/// The core loop on sd-event. Everything but wake() belongs to the thread that made it.
class Loop : public ports::Timers, public ports::Poller {
 public:
  static Result<std::unique_ptr<Loop>> make();

  /// Turns until quit(). Sends the watchdog's keep-alive at half its interval when the unit asks for one: a loop that
  /// hangs is restarted. Returns what quit() was given.
  virtual int run() = 0;
  virtual void quit(int status) = 0;

  /// Calls fn on the loop soon after wake(), once however often it was woken. Set before the first wake().
  virtual void on_wake(std::function<void()> fn) = 0;
  virtual void wake() = 0;  ///< any thread

  /// Calls fn on the loop when the process gets `signal`; the signal is blocked from now on, in threads made later too.
  virtual Result<void> on_signal(int signal, std::function<void()> fn) = 0;
};

/// CLOCK_BOOTTIME and CLOCK_REALTIME.
std::unique_ptr<ports::Clock> make_clock();

/// The kernel says that the wall clock is synchronised (adjtimex(2); NTP does that). Any thread.
bool clock_synchronised();

/// sd_notify(3): "READY=1", "STATUS=…". Does nothing when no service manager listens.
void notify(const std::string& state);

/// Lets spdlog write to the journal with its priorities when the service manager reads our standard error, else to
/// standard error in colour. `level`: trace, debug, info, warn, err.
void set_up_log(const std::string& name, const std::string& level);

/// This boot's id, 32 hex (sd_id128); "unknown" where /proc does not say.
std::string boot_id();

}  // namespace foyer::drivers::systemd
