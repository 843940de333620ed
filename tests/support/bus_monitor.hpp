#pragma once

#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace foyer::test {

/// Takes down what clients ask of the bus at `address` itself (Hello, AddMatch, …) from its making on. It becomes a
/// monitor, so it hears what was not said to it. One thread; seen() reads what has come.
class BusMonitor {
 public:
  explicit BusMonitor(const std::string& address) {
    sd_bus_new(&bus_);
    sd_bus_set_address(bus_, address.c_str());
    sd_bus_set_bus_client(bus_, 1);
    sd_bus_set_monitor(bus_, 1);
    if (sd_bus_start(bus_) < 0) std::abort();
    sd_bus_message* call = nullptr;
    sd_bus_message_new_method_call(bus_, &call, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                   "org.freedesktop.DBus.Monitoring", "BecomeMonitor");
    sd_bus_message_append(call, "asu", 1, "type='method_call',destination='org.freedesktop.DBus'", 0u);
    if (sd_bus_call(bus_, call, 0, nullptr, nullptr) < 0) std::abort();
    sd_bus_message_unref(call);
  }
  ~BusMonitor() { sd_bus_flush_close_unref(bus_); }
  BusMonitor(const BusMonitor&) = delete;

  std::size_t seen(const std::string& member) {
    for (sd_bus_message* message = nullptr; sd_bus_process(bus_, &message) > 0;) {
      if (message == nullptr) continue;
      if (const char* name = sd_bus_message_get_member(message)) members_.emplace_back(name);
      message = sd_bus_message_unref(message);
    }
    return static_cast<std::size_t>(std::count(members_.begin(), members_.end(), member));
  }

 private:
  sd_bus* bus_ = nullptr;
  std::vector<std::string> members_;
};

}  // namespace foyer::test
