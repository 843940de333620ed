#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "drivers/bluez/sdbus_compat.hpp"
#include "ports/poller.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::bluez {

/// What came back from a call: a message, or a D-Bus error name and text.
struct Reply {
  sdbus::MethodReply* message = nullptr;  ///< valid during the callback; null on error
  std::string error, text;
  bool ok() const { return message != nullptr; }
};

/// The system bus on the core loop. Core thread only. No sdbus-c++ exception leaves it or one of its callbacks.
class Bus {
 public:
  using Write = std::function<void(sdbus::MethodCall&)>;
  using OnReply = std::function<void(const Reply&)>;

  Bus(ports::Poller& poller, ports::Timers& timers) : poller_(poller), timers_(timers) {}
  ~Bus() { destroy(); }
  Bus(const Bus&) = delete;

  /// Blocks for the handshake and for adding the match rules. `on_lost` is called from the loop when the connection
  /// broke; let go of everything exported then, the connection goes right after it.
  Result<void> open(const std::vector<std::pair<std::string, compat::OnMessage>>& matches,
                    std::function<void()> on_lost);
  bool is_open() const { return connection_ != nullptr && !closing_; }
  /// Also from a callback: what is under way ends first. Let go of everything exported before.
  void close();

  /// Sends a call; `fn` is called from the loop exactly once, unless the connection is closed or lost before.
  void call(const std::string& service, const std::string& path, const std::string& interface,
            const std::string& method, const Write& write, std::chrono::milliseconds timeout, OnReply fn);

  /// Null where the connection broke.
  std::unique_ptr<sdbus::IObject> export_object(const std::string& path, const std::string& interface,
                                                std::vector<compat::Property> properties,
                                                std::vector<compat::Method> methods);
  std::unique_ptr<sdbus::IObject> export_manager(const std::string& path);

  /// Another rule in the place of the one that was given to open() as number `index`, with what it calls. From the
  /// loop, not from within a callback of this bus; blocks as open() does.
  void rematch(std::size_t index, const std::string& rule, compat::OnMessage fn);

  std::uint64_t odd() const { return odd_; }  ///< signals of another shape, passed over

 private:
  void process();
  void arm();
  void watch();
  void lose();
  void destroy();
  sdbus::Slot match(const std::string& rule, compat::OnMessage fn);

  ports::Poller& poller_;
  ports::Timers& timers_;
  std::unique_ptr<sdbus::IConnection> connection_;
  std::vector<sdbus::Slot> matches_;
  std::map<std::string, std::unique_ptr<sdbus::IProxy>> proxies_;  ///< service and path: one an adapter and two more
  std::function<void()> on_lost_;
  std::unique_ptr<ports::Handle> watch_;
  compat::Wait watched_;
  ports::TimerHandle timeout_, rewatch_, end_;
  std::uint64_t odd_ = 0;
  int depth_ = 0;         ///< in process()
  bool closing_ = false;  ///< asked for, or lost
};

}  // namespace foyer::drivers::bluez
