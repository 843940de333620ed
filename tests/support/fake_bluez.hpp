#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "support/bluez_messages.hpp"
#include "support/fake_monitors.hpp"

namespace foyer::test {

/// A scripted org.bluez on the bus at `address`, on a thread of its own. It is written on sd-bus, so that it shares no
/// code with the driver it tests. It does what bluetoothd does where the driver can see it, and can be told to
/// misbehave: refuse or never answer any method, leave the bus, lose adapters, stop a scan, let go of an advertisement.
/// Every method may be called from the test's thread and has taken effect when it returns.
class FakeBluez {
 public:
  using Device = bluez::Device;
  using Advertisement = bluez::Advertisement;
  using Filter = bluez::Filter;

  explicit FakeBluez(std::string address) : address_(std::move(address)), wake_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this] { loop(); });
  }
  ~FakeBluez() {
    run([this] {
      drop();
      end_ = true;
    });
    thread_.join();
    ::close(wake_);
  }
  FakeBluez(const FakeBluez&) = delete;

  /// Takes the name org.bluez, as a new bluetoothd with the adapters known so far.
  void appear() {
    run([this] { connect(); });
  }
  /// Dies: sessions and advertisements are forgotten.
  void vanish() {
    run([this] { drop(); });
  }

  void add_adapter(const std::string& name, const std::string& address, bool powered = true) {
    run([=, this] {
      adapters_[name] = {address, powered, false, {}, {}};
      if (bus_) emit_adapter_added(name);
    });
  }
  void remove_adapter(const std::string& name) {
    run([=, this] {
      adapters_.erase(name);
      std::erase_if(advertisements_, [&](const auto& a) { return a.adapter == name; });
      emit_removed("/org/bluez/" + name, "org.bluez.Adapter1");
    });
  }
  void set_powered(const std::string& name, bool powered) {
    run([=, this] {
      adapters_[name].powered = powered;
      if (!powered) {
        adapters_[name].session.clear();
        std::erase_if(advertisements_, [&](const auto& a) { return a.adapter == name; });
      }
      emit_adapter_bool(name, "Powered", powered);
    });
  }
  /// Ends the discovery behind its client's back.
  void end_discovery(const std::string& name) {
    run([=, this] {
      adapters_[name].session.clear();
      set_discovering(name, false);
    });
  }

  /// The next `times` calls of the method get this error; empty: no answer at all.
  void refuse(const std::string& method, const std::string& error, int times = 1) {
    run([=, this] { scripted_[method] = {error, times}; });
  }
  void hang(const std::string& method, int times = 1) { refuse(method, "", times); }
  /// As controllers do that cannot begin to advertise while they scan.
  void refuse_advertising_while_scanning(bool on) {
    run([=, this] { exclusive_ = on; });
  }

  /// As SIGSTOP does: nothing is answered any more, and nobody is told.
  void freeze(bool on) {
    run([=, this] { frozen_ = on; });
  }
  /// From now on adapters have an AdvertisementMonitorManager1.
  void offer_monitors() {
    run([this] { offers_monitors_ = true; });
  }
  void release_monitors() {
    run([this] { monitors_.release(bus_); });
  }
  /// Calls fn(FakeMonitors&) on the fake's thread.
  template <class Fn>
  auto with_monitors(Fn fn) {
    return run([this, fn = std::move(fn)] { return fn(monitors_); });
  }

  void device_added(const Device& device) {
    run([=, this] { emit_device_added(device); });
  }
  void device_changed(const Device& device) {
    run([=, this] { emit_device_changed(device, false); });
  }
  void rssi_invalidated(const Device& device) {
    run([=, this] { emit_device_changed(device, true); });
  }
  /// A signal of a shape that bluetoothd's has not.
  void odd_signal() {
    run([=, this] {
      auto* message =
          signal("/org/bluez/hci0/dev_AA_BB_CC_DD_EE_01", "org.freedesktop.DBus.Properties", "PropertiesChanged");
      sd_bus_message_append(message, "su", "org.bluez.Device1", 7u);
      send(message);
    });
  }
  void devices_removed(const std::vector<Device>& devices) {
    run([=, this] {
      for (const auto& device : devices) emit_removed(bluez::path_of(device), "org.bluez.Device1");
    });
  }
  /// Tells the client that its advertisement is gone.
  void release(const Advertisement& advertisement) {
    run([=, this] {
      std::erase_if(advertisements_, [&](const auto& a) { return a.path == advertisement.path; });
      sd_bus_call_method_async(bus_, nullptr, advertisement.client.c_str(), advertisement.path.c_str(),
                               "org.bluez.LEAdvertisement1", "Release", nullptr, nullptr, "");
    });
  }

  /// Methods called so far, in order: "StartDiscovery hci0".
  std::vector<std::string> calls() {
    return run([this] { return calls_; });
  }
  std::size_t count(const std::string& call) {
    const auto all = calls();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), call));
  }
  void forget_calls() {
    run([this] { calls_.clear(); });
  }
  bool discovering(const std::string& name) {
    return run([=, this] { return !adapters_[name].session.empty(); });
  }
  Filter filter(const std::string& name) {
    return run([=, this] { return adapters_[name].filter; });
  }
  std::vector<Advertisement> advertisements() {
    return run([this] { return advertisements_; });
  }

 private:
  struct Adapter {
    std::string address;
    bool powered = true, discovering = false;
    std::string session;  ///< the client that scans; empty: none
    Filter filter;
  };
  struct Script {
    std::string error;
    int times = 0;
  };
  struct Registering {
    FakeBluez* self;
    sd_bus_message* call;
    Advertisement advertisement;
  };

  template <class Fn>
  auto run(Fn fn) -> decltype(fn()) {
    std::packaged_task<decltype(fn())()> task(std::move(fn));
    auto result = task.get_future();
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back([&task] { task(); });
    }
    const std::uint64_t one = 1;
    if (::write(wake_, &one, sizeof one) < 0) std::abort();
    return result.get();
  }

  void loop() {
    while (!end_) {
      while (bus_ && !frozen_ && sd_bus_process(bus_, nullptr) > 0) {
      }
      pollfd fds[2] = {{wake_, POLLIN, 0}, {-1, 0, 0}};
      if (bus_ && !frozen_) fds[1] = {sd_bus_get_fd(bus_), static_cast<short>(sd_bus_get_events(bus_)), 0};
      ::poll(fds, 2, 1000);
      if (fds[0].revents == 0) continue;
      std::uint64_t count;
      if (::read(wake_, &count, sizeof count) < 0) continue;
      std::vector<std::function<void()>> tasks;
      {
        std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
      }
      for (auto& task : tasks) {
        task();
        if (bus_) sd_bus_flush(bus_);
      }
    }
  }

  void connect() {
    sd_bus_new(&bus_);
    sd_bus_set_address(bus_, address_.c_str());
    sd_bus_set_bus_client(bus_, 1);
    if (sd_bus_start(bus_) < 0) std::abort();
    sd_bus_add_filter(bus_, nullptr, &FakeBluez::on_message, this);
    sd_bus_add_match(bus_, nullptr, "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'",
                     &FakeBluez::on_owner, this);
    if (sd_bus_request_name(bus_, "org.bluez", 0) < 0) std::abort();
  }
  void drop() {
    if (!bus_) return;
    for (auto& [name, adapter] : adapters_) {
      adapter.session.clear();
      adapter.discovering = false;
    }
    advertisements_.clear();
    monitors_.clear();
    frozen_ = false;
    for (auto* message : held_) sd_bus_message_unref(message);
    held_.clear();
    sd_bus_flush_close_unref(std::exchange(bus_, nullptr));
  }

  static int on_owner(sd_bus_message* message, void* data, sd_bus_error*) {
    auto& self = *static_cast<FakeBluez*>(data);
    const char *name, *before, *after;
    sd_bus_message_read(message, "sss", &name, &before, &after);
    if (*after != '\0') return 0;
    std::erase_if(self.advertisements_, [&](const auto& a) { return a.client == name; });
    for (auto& [adapter, state] : self.adapters_) {
      if (state.session != name) continue;
      state.session.clear();
      self.set_discovering(adapter, false);
    }
    return 0;
  }

  static int on_message(sd_bus_message* message, void* data, sd_bus_error*) {
    std::uint8_t type = 0;
    sd_bus_message_get_type(message, &type);
    if (type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
    static_cast<FakeBluez*>(data)->answer(message);
    return 1;
  }

  void answer(sd_bus_message* call) {
    const std::string method = sd_bus_message_get_member(call), path = sd_bus_message_get_path(call);
    const auto name = path.substr(path.rfind('/') + 1);
    calls_.push_back(name.empty() ? method : method + " " + name);
    if (auto script = scripted_.find(method); script != scripted_.end() && script->second.times > 0) {
      --script->second.times;
      if (script->second.error.empty())
        held_.push_back(sd_bus_message_ref(call));
      else
        sd_bus_reply_method_errorf(call, script->second.error.c_str(), "as scripted");
      return;
    }
    if (method == "GetManagedObjects") return managed_objects(call);
    const auto adapter = adapters_.find(name);
    if (adapter == adapters_.end()) {
      sd_bus_reply_method_errorf(call, "org.freedesktop.DBus.Error.UnknownObject", "no such adapter");
      return;
    }
    if (method == "Set") return set_property(call, name);
    if (method == "RegisterMonitor") return monitors_.add(bus_, call);
    if (method == "UnregisterMonitor") return monitors_.remove(call);
    if (method == "SetDiscoveryFilter") {
      adapter->second.filter = bluez::read_filter(call);
      sd_bus_reply_method_return(call, "");
      return;
    }
    if (method == "StartDiscovery") return start_discovery(call, name);
    if (method == "StopDiscovery") return stop_discovery(call, name);
    if (method == "RegisterAdvertisement") return register_advertisement(call, name);
    if (method == "UnregisterAdvertisement") return unregister_advertisement(call);
    sd_bus_reply_method_errorf(call, "org.freedesktop.DBus.Error.UnknownMethod", "%s", method.c_str());
  }

  void managed_objects(sd_bus_message* call) {
    sd_bus_message* reply = nullptr;
    sd_bus_message_new_method_return(call, &reply);
    sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
    // An object of no interest first: it is to be walked over.
    sd_bus_message_append(reply, "{oa{sa{sv}}}", "/org/bluez", 1, "org.bluez.AgentManager1", 2, "Odd", "(sai)", "x", 2,
                          1, 2, "Odder", "a{sv}", 1, "deep", "v", "as", 2, "a", "b");
    for (const auto& [name, adapter] : adapters_) {
      sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}");
      sd_bus_message_append(reply, "o", ("/org/bluez/" + name).c_str());
      append_adapter(reply, adapter);
      sd_bus_message_close_container(reply);
    }
    sd_bus_message_close_container(reply);
    sd_bus_send(bus_, reply, nullptr);
    sd_bus_message_unref(reply);
  }

  void append_adapter(sd_bus_message* message, const Adapter& adapter) const {
    const char* third = offers_monitors_ ? "org.bluez.AdvertisementMonitorManager1" : "org.bluez.Media1";
    sd_bus_message_append(message, "a{sa{sv}}", 3, "org.bluez.Adapter1", 5, "Name", "s", "fake", "UUIDs", "as", 1,
                          "1800", "Address", "s", adapter.address.c_str(), "Powered", "b", int{adapter.powered},
                          "Discovering", "b", int{adapter.discovering}, "org.bluez.LEAdvertisingManager1", 1,
                          "ActiveInstances", "y", 0, third, 0);
  }

  void set_property(sd_bus_message* call, const std::string& name) {
    const char *interface, *property;
    int value = 0;
    sd_bus_message_read(call, "ssv", &interface, &property, "b", &value);
    adapters_[name].powered = value != 0;
    if (value == 0) {
      adapters_[name].session.clear();
      std::erase_if(advertisements_, [&](const auto& a) { return a.adapter == name; });
    }
    sd_bus_reply_method_return(call, "");
    emit_adapter_bool(name, "Powered", value != 0);
  }

  void start_discovery(sd_bus_message* call, const std::string& name) {
    auto& adapter = adapters_[name];
    if (!adapter.powered) {
      sd_bus_reply_method_errorf(call, "org.bluez.Error.NotReady", "not powered");
    } else if (!adapter.session.empty()) {
      sd_bus_reply_method_errorf(call, "org.bluez.Error.InProgress", "already");
    } else {
      adapter.session = sd_bus_message_get_sender(call);
      sd_bus_reply_method_return(call, "");
      set_discovering(name, true);
    }
  }
  void stop_discovery(sd_bus_message* call, const std::string& name) {
    if (std::exchange(adapters_[name].session, "").empty()) {
      sd_bus_reply_method_errorf(call, "org.bluez.Error.Failed", "no discovery started");
    } else {
      sd_bus_reply_method_return(call, "");
      set_discovering(name, false);
    }
  }

  void register_advertisement(sd_bus_message* call, const std::string& name) {
    const char* path;
    sd_bus_message_read(call, "o", &path);
    const std::string client = sd_bus_message_get_sender(call);
    const bool known = std::any_of(advertisements_.begin(), advertisements_.end(),
                                   [&](const auto& a) { return a.path == path && a.client == client; });
    if (known) {
      sd_bus_reply_method_errorf(call, "org.bluez.Error.AlreadyExists", "already");
    } else if (exclusive_ && !adapters_[name].session.empty()) {
      sd_bus_reply_method_errorf(call, "org.bluez.Error.Failed", "the controller is scanning");
    } else {
      auto* pending = new Registering{this, sd_bus_message_ref(call), {name, path, client, "", {}}};
      sd_bus_call_method_async(bus_, nullptr, client.c_str(), path, "org.freedesktop.DBus.Properties", "GetAll",
                               &FakeBluez::on_properties, pending, "s", "org.bluez.LEAdvertisement1");
    }
  }
  static int on_properties(sd_bus_message* reply, void* data, sd_bus_error*) {
    const std::unique_ptr<Registering> pending(static_cast<Registering*>(data));
    auto& advertisement = pending->advertisement;
    if (!sd_bus_message_is_method_error(reply, nullptr)) bluez::read_advertisement(reply, advertisement);
    if (advertisement.type == "broadcast" && !advertisement.manufacturer.empty()) {
      pending->self->advertisements_.push_back(advertisement);
      sd_bus_reply_method_return(pending->call, "");
    } else {
      sd_bus_reply_method_errorf(pending->call, "org.bluez.Error.InvalidArguments", "not a broadcast");
    }
    sd_bus_message_unref(pending->call);
    return 0;
  }
  void unregister_advertisement(sd_bus_message* call) {
    const char* path;
    sd_bus_message_read(call, "o", &path);
    if (std::erase_if(advertisements_, [&](const auto& a) { return a.path == path; }) == 0)
      sd_bus_reply_method_errorf(call, "org.bluez.Error.DoesNotExist", "no such advertisement");
    else
      sd_bus_reply_method_return(call, "");
  }

  void set_discovering(const std::string& name, bool on) {
    if (std::exchange(adapters_[name].discovering, on) != on) emit_adapter_bool(name, "Discovering", on);
  }

  sd_bus_message* signal(const std::string& path, const char* interface, const char* member) {
    sd_bus_message* message = nullptr;
    sd_bus_message_new_signal(bus_, &message, path.c_str(), interface, member);
    return message;
  }
  void send(sd_bus_message* message) {
    sd_bus_send(bus_, message, nullptr);
    sd_bus_message_unref(message);
  }

  void emit_adapter_bool(const std::string& name, const char* property, bool value) {
    if (!bus_) return;
    auto* message = signal("/org/bluez/" + name, "org.freedesktop.DBus.Properties", "PropertiesChanged");
    sd_bus_message_append(message, "sa{sv}as", "org.bluez.Adapter1", 1, property, "b", int{value}, 0);
    send(message);
  }
  void emit_adapter_added(const std::string& name) {
    auto* message = signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded");
    sd_bus_message_append(message, "o", ("/org/bluez/" + name).c_str());
    append_adapter(message, adapters_[name]);
    send(message);
  }
  void emit_removed(const std::string& path, const char* interface) {
    if (!bus_) return;
    auto* message = signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved");
    sd_bus_message_append(message, "oas", path.c_str(), 2, "org.freedesktop.DBus.Introspectable", interface);
    send(message);
  }

  void emit_device_added(const Device& device) {
    auto* message = signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded");
    sd_bus_message_append(message, "o", bluez::path_of(device).c_str());
    sd_bus_message_open_container(message, 'a', "{sa{sv}}");
    sd_bus_message_append(message, "{sa{sv}}", "org.freedesktop.DBus.Introspectable", 0);
    sd_bus_message_open_container(message, 'e', "sa{sv}");
    sd_bus_message_append(message, "s", "org.bluez.Device1");
    bluez::append_device(message, device);
    sd_bus_message_close_container(message);
    sd_bus_message_close_container(message);
    send(message);
  }
  void emit_device_changed(const Device& device, bool rssi_invalidated) {
    auto* message = signal(bluez::path_of(device), "org.freedesktop.DBus.Properties", "PropertiesChanged");
    sd_bus_message_append(message, "s", "org.bluez.Device1");
    bluez::append_device(message, device);
    if (rssi_invalidated)
      sd_bus_message_append(message, "as", 2, "RSSI", "TxPower");
    else
      sd_bus_message_append(message, "as", 0);
    send(message);
  }

  const std::string address_;
  const int wake_;
  std::mutex mutex_;  ///< of tasks_: they come from the test's thread
  std::vector<std::function<void()>> tasks_;
  std::thread thread_;

  // The fake's own thread only.
  bool end_ = false;
  sd_bus* bus_ = nullptr;
  std::map<std::string, Adapter> adapters_;
  std::map<std::string, Script> scripted_;
  std::vector<Advertisement> advertisements_;
  std::vector<sd_bus_message*> held_;
  std::vector<std::string> calls_;
  bool exclusive_ = false, frozen_ = false, offers_monitors_ = false;
  FakeMonitors monitors_;
};

}  // namespace foyer::test
