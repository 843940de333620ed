#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.hpp"

namespace foyer::test {

/// FakeBluez's AdvertisementMonitorManager1: reads what a client exports below its root, and activates it or not.
class FakeMonitors {
 public:
  struct Monitor {
    std::string client, root, path, type;
    std::vector<std::string> patterns;  ///< "start type bytes", in hex
    int sampling = -1;                  ///< RSSISamplingPeriod; -1: not said
  };

  bool activates = true;
  const std::vector<Monitor>& all() const { return monitors_; }
  void clear() { monitors_.clear(); }

  void add(sd_bus* bus, sd_bus_message* call) {
    const char* root;
    sd_bus_message_read(call, "o", &root);
    const std::string client = sd_bus_message_get_sender(call);
    sd_bus_reply_method_return(call, "");
    auto* asked = new Asked{this, bus, {client, root, "", "", {}, -1}};
    sd_bus_call_method_async(bus, nullptr, client.c_str(), root, "org.freedesktop.DBus.ObjectManager",
                             "GetManagedObjects", &FakeMonitors::on_objects, asked, "");
  }
  void remove(sd_bus_message* call) {
    const char* root;
    sd_bus_message_read(call, "o", &root);
    std::erase_if(monitors_, [&](const auto& monitor) { return monitor.root == root; });
    sd_bus_reply_method_return(call, "");
  }
  /// Lets go of every monitor, as bluetoothd does when the kernel refuses one.
  void release(sd_bus* bus) {
    for (const auto& monitor : monitors_) tell(bus, monitor, "Release");
  }
  void tell(sd_bus* bus, const Monitor& monitor, const char* method) {
    sd_bus_call_method_async(bus, nullptr, monitor.client.c_str(), monitor.path.c_str(),
                             "org.bluez.AdvertisementMonitor1", method, nullptr, nullptr, "");
  }

 private:
  struct Asked {
    FakeMonitors* self;
    sd_bus* bus;
    Monitor monitor;
  };

  static int on_objects(sd_bus_message* reply, void* data, sd_bus_error*) {
    const std::unique_ptr<Asked> asked(static_cast<Asked*>(data));
    auto& monitor = asked->monitor;
    const char *path, *interface;
    sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}");
    while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
      sd_bus_message_read(reply, "o", &path);
      sd_bus_message_enter_container(reply, 'a', "{sa{sv}}");
      while (sd_bus_message_enter_container(reply, 'e', "sa{sv}") > 0) {
        sd_bus_message_read(reply, "s", &interface);
        const bool wanted = std::string(interface) == "org.bluez.AdvertisementMonitor1";
        if (wanted) monitor.path = path;
        if (wanted)
          read_properties(reply, monitor);
        else
          sd_bus_message_skip(reply, "a{sv}");
        sd_bus_message_exit_container(reply);
      }
      sd_bus_message_exit_container(reply);
      sd_bus_message_exit_container(reply);
    }
    if (monitor.path.empty()) return 0;
    asked->self->monitors_.push_back(monitor);
    if (asked->self->activates) asked->self->tell(asked->bus, monitor, "Activate");
    return 0;
  }

  static void read_properties(sd_bus_message* reply, Monitor& monitor) {
    const char *key, *text;
    sd_bus_message_enter_container(reply, 'a', "{sv}");
    while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
      sd_bus_message_read(reply, "s", &key);
      const std::string name = key;
      std::uint16_t number;
      if (name == "Type" && sd_bus_message_read(reply, "v", "s", &text) > 0) {
        monitor.type = text;
      } else if (name == "RSSISamplingPeriod" && sd_bus_message_read(reply, "v", "q", &number) > 0) {
        monitor.sampling = number;
      } else if (name == "Patterns") {
        sd_bus_message_enter_container(reply, 'v', "a(yyay)");
        sd_bus_message_enter_container(reply, 'a', "(yyay)");
        while (sd_bus_message_enter_container(reply, 'r', "yyay") > 0) {
          std::uint8_t start, type;
          const void* bytes;
          std::size_t size;
          sd_bus_message_read(reply, "yy", &start, &type);
          sd_bus_message_read_array(reply, 'y', &bytes, &size);
          const auto* first = static_cast<const std::uint8_t*>(bytes);
          monitor.patterns.push_back(std::to_string(start) + " " + to_hex(Bytes{type}) + " " +
                                     to_hex(Bytes(first, first + size)));
          sd_bus_message_exit_container(reply);
        }
        sd_bus_message_exit_container(reply);
        sd_bus_message_exit_container(reply);
      }
      sd_bus_message_exit_container(reply);
    }
    sd_bus_message_exit_container(reply);
  }

  std::vector<Monitor> monitors_;
};

}  // namespace foyer::test
