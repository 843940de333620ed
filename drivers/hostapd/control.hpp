#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"

struct wpa_ctrl;

namespace foyer::drivers::hostapd {

/// One connection to hostapd's control socket. wpa_ctrl_request() may block for 10 s, so it is not used: what is sent
/// is answered later, in order, by a message that does not begin with '<'; events do. Nothing here waits. Core thread
/// only.
class Control {
 public:
  static Result<Control> open(const std::string& socket, const std::string& own_directory);

  int descriptor() const;
  Result<void> send(const std::string& command);
  /// The next answer or event; none: nothing is there. Failed: the other end is gone.
  Result<std::optional<std::string>> next();

 private:
  struct Deleter {
    void operator()(wpa_ctrl* control) const;
  };
  explicit Control(wpa_ctrl* control) : control_(control) {}
  std::unique_ptr<wpa_ctrl, Deleter> control_;
};

}  // namespace foyer::drivers::hostapd
