#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"

struct wpa_ctrl;

namespace foyer::drivers::hostapd {

/// One connection to hostapd's control socket. wpa_ctrl_request() may block for 10 s, so it is not used: requests go
/// over the connection's descriptor with a deadline of our own. Core thread only.
class Control {
 public:
  static Result<Control> open(const std::string& socket, const std::string& own_directory);

  int descriptor() const;
  /// Waits 250 ms at most for the answer. Events that come in between are skipped: attach another connection for them.
  Result<std::string> ask(const std::string& command);
  /// The next event without waiting for one, its `<level>` cut off; none: nothing is there; failed: the other end is
  /// gone.
  Result<std::optional<std::string>> next_event();

 private:
  struct Deleter {
    void operator()(wpa_ctrl* control) const;
  };
  explicit Control(wpa_ctrl* control) : control_(control) {}
  std::unique_ptr<wpa_ctrl, Deleter> control_;
};

}  // namespace foyer::drivers::hostapd
