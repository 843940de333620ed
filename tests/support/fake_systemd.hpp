#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace foyer::test {

/// org.freedesktop.systemd1 on the bus at `address`, on a thread of its own: takes RestartUnit and nothing else.
class FakeSystemd {
 public:
  /// `restart` is called on that thread with the unit's name; false: it is not permitted.
  FakeSystemd(std::string address, std::function<bool(const std::string&)> restart)
      : restart_(std::move(restart)), wake_(::eventfd(0, EFD_CLOEXEC)) {
    sd_bus_new(&bus_);
    sd_bus_set_address(bus_, address.c_str());
    sd_bus_set_bus_client(bus_, 1);
    if (sd_bus_start(bus_) < 0) std::abort();
    sd_bus_add_filter(bus_, nullptr, &FakeSystemd::on_message, this);
    if (sd_bus_request_name(bus_, "org.freedesktop.systemd1", 0) < 0) std::abort();
    thread_ = std::thread([this] { loop(); });
  }
  ~FakeSystemd() {
    const std::uint64_t one = 1;
    if (::write(wake_, &one, sizeof one) < 0) std::abort();
    thread_.join();
    sd_bus_flush_close_unref(bus_);
    ::close(wake_);
  }
  FakeSystemd(const FakeSystemd&) = delete;

  int restarts() const { return restarts_; }

 private:
  void loop() {
    for (;;) {
      while (sd_bus_process(bus_, nullptr) > 0) {
      }
      pollfd fds[2] = {{wake_, POLLIN, 0}, {sd_bus_get_fd(bus_), static_cast<short>(sd_bus_get_events(bus_)), 0}};
      ::poll(fds, 2, -1);
      if (fds[0].revents != 0) return;
    }
  }
  static int on_message(sd_bus_message* message, void* data, sd_bus_error*) {
    auto& self = *static_cast<FakeSystemd*>(data);
    const char *unit, *mode;
    if (sd_bus_message_is_method_call(message, "org.freedesktop.systemd1.Manager", "RestartUnit") <= 0) return 0;
    sd_bus_message_read(message, "ss", &unit, &mode);
    ++self.restarts_;
    if (self.restart_(unit))
      sd_bus_reply_method_return(message, "o", "/org/freedesktop/systemd1/job/1");
    else
      sd_bus_reply_method_errorf(message, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
                                 "Interactive authentication required.");
    return 1;
  }

  std::function<bool(const std::string&)> restart_;
  const int wake_;
  std::atomic<int> restarts_{0};
  sd_bus* bus_ = nullptr;
  std::thread thread_;
};

}  // namespace foyer::test
