#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// All that differs between sdbus-c++ 1.2 (Debian 12) and 2.x (Debian 13). FOYER_SDBUS_MAJOR says which it is: the
/// headers do not. No other file has an #if on it.
namespace foyer::drivers::bluez::compat {

/// What poll(2) is to wait for before process(); ask again before every wait.
struct Wait {
  int fd = -1;
  short events = 0;
  int timeout_ms = -1;  ///< -1: for ever
};

using OnMessage = std::function<void(sdbus::Message&)>;
using OnReply = std::function<void(sdbus::MethodReply&, const sdbus::Error*)>;

struct Property {
  std::string name, signature;
  std::function<void(sdbus::PropertyGetReply&)> get;
};
/// A method without a result; what it is told is passed over.
struct Method {
  std::string name, signature;
  std::function<void()> on;
};

inline Wait wait_of(const sdbus::IConnection& bus) {
  const auto data = bus.getEventLoopPollData();
  return {data.fd, data.events, data.getPollTimeout()};
}

#if FOYER_SDBUS_MAJOR >= 2

inline bool process(sdbus::IConnection& bus) { return bus.processPendingEvent(); }

inline sdbus::Slot match(sdbus::IConnection& bus, const std::string& rule, OnMessage fn) {
  return bus.addMatch(
      rule, [fn = std::move(fn)](sdbus::Message message) { fn(message); }, sdbus::return_slot);
}

inline std::unique_ptr<sdbus::IProxy> proxy(sdbus::IConnection& bus, const std::string& service,
                                            const std::string& path) {
  return sdbus::createProxy(bus, sdbus::ServiceName{service}, sdbus::ObjectPath{path});
}

inline sdbus::MethodCall method(sdbus::IProxy& proxy, const std::string& interface, const std::string& name) {
  return proxy.createMethodCall(sdbus::InterfaceName{interface}, sdbus::MethodName{name});
}

inline void send(sdbus::IProxy& proxy, const sdbus::MethodCall& call, std::chrono::microseconds timeout, OnReply fn) {
  proxy.callMethodAsync(
      call,
      [fn = std::move(fn)](sdbus::MethodReply reply, std::optional<sdbus::Error> error) {
        fn(reply, error ? &*error : nullptr);
      },
      static_cast<std::uint64_t>(timeout.count()));
}

/// Exports one object with one interface of read-only properties and methods without a result.
inline std::unique_ptr<sdbus::IObject> export_object(sdbus::IConnection& bus, const std::string& path,
                                                     const std::string& interface, std::vector<Property> properties,
                                                     std::vector<Method> methods) {
  auto object = sdbus::createObject(bus, sdbus::ObjectPath{path});
  std::vector<sdbus::VTableItem> items;
  for (auto& property : properties) {
    sdbus::PropertyVTableItem item;
    item.name = sdbus::PropertyName{property.name};
    item.signature = sdbus::Signature{property.signature};
    item.getter = std::move(property.get);
    items.emplace_back(std::move(item));
  }
  for (auto& [name, signature, on] : methods) {
    sdbus::MethodVTableItem item;
    item.name = sdbus::MethodName{name};
    item.inputSignature = sdbus::Signature{signature};
    item.callbackHandler = [fn = std::move(on)](sdbus::MethodCall call) {
      fn();
      if (!call.doesntExpectReply()) call.createReply().send();
    };
    items.emplace_back(std::move(item));
  }
  object->addVTable(sdbus::InterfaceName{interface}, std::move(items));
  return object;
}

#else

inline bool process(sdbus::IConnection& bus) { return bus.processPendingRequest(); }

inline sdbus::Slot match(sdbus::IConnection& bus, const std::string& rule, OnMessage fn) {
  return bus.addMatch(rule, std::move(fn));
}

inline std::unique_ptr<sdbus::IProxy> proxy(sdbus::IConnection& bus, const std::string& service,
                                            const std::string& path) {
  return sdbus::createProxy(bus, service, path);
}

inline sdbus::MethodCall method(sdbus::IProxy& proxy, const std::string& interface, const std::string& name) {
  return proxy.createMethodCall(interface, name);
}

inline void send(sdbus::IProxy& proxy, const sdbus::MethodCall& call, std::chrono::microseconds timeout, OnReply fn) {
  proxy.callMethod(call, std::move(fn), static_cast<std::uint64_t>(timeout.count()));
}

/// Exports one object with one interface of read-only properties and methods without a result.
inline std::unique_ptr<sdbus::IObject> export_object(sdbus::IConnection& bus, const std::string& path,
                                                     const std::string& interface, std::vector<Property> properties,
                                                     std::vector<Method> methods) {
  auto object = sdbus::createObject(bus, path);
  for (auto& property : properties)
    object->registerProperty(interface, property.name, property.signature, std::move(property.get));
  for (auto& [name, signature, on] : methods)
    object->registerMethod(interface, name, signature, "", [fn = std::move(on)](sdbus::MethodCall call) {
      fn();
      if (!call.doesntExpectReply()) call.createReply().send();
    });
  object->finishRegistration();
  return object;
}

#endif

/// An object whose GetManagedObjects lists what is exported below it.
inline std::unique_ptr<sdbus::IObject> export_manager(sdbus::IConnection& bus, const std::string& path) {
#if FOYER_SDBUS_MAJOR >= 2
  auto object = sdbus::createObject(bus, sdbus::ObjectPath{path});
#else
  auto object = sdbus::createObject(bus, path);
#endif
  object->addObjectManager();
  return object;
}

}  // namespace foyer::drivers::bluez::compat
