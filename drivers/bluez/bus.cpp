#include "drivers/bluez/bus.hpp"

#include <utility>

namespace foyer::drivers::bluez {
namespace {

constexpr int kBurst = 256;  ///< messages in one turn of the loop; the rest waits for the next, so that others run

}  // namespace

Result<void> Bus::open(const std::vector<std::pair<std::string, compat::OnMessage>>& matches,
                       std::function<void()> on_lost) {
  destroy();
  try {
    connection_ = sdbus::createSystemBusConnection();
    for (const auto& [rule, fn] : matches) matches_.push_back(match(rule, fn));
    on_lost_ = std::move(on_lost);
    watch();
    // Adding the rules may have read messages ahead: the descriptor alone would not tell.
    arm();
  } catch (const sdbus::Error& e) {
    destroy();
    return fail(Code::retry, "the system bus cannot be reached: {}", e.getMessage());
  }
  return {};
}

sdbus::Slot Bus::match(const std::string& rule, compat::OnMessage fn) {
  // An exception must not run through libsystemd's C frames; a message of another shape is not for us.
  return compat::match(*connection_, rule, [this, fn = std::move(fn)](sdbus::Message& message) {
    try {
      fn(message);
    } catch (const sdbus::Error&) {
      ++odd_;
    }
  });
}

void Bus::rematch(std::size_t index, const std::string& rule, compat::OnMessage fn) {
  if (!is_open() || index >= matches_.size()) return;
  try {
    matches_[index] = match(rule, std::move(fn));
    arm();
  } catch (const sdbus::Error&) {
    lose();
  }
}

void Bus::close() {
  if (depth_ == 0) return destroy();
  closing_ = true;
  on_lost_ = nullptr;
  end_ = timers_.after(std::chrono::milliseconds{0}, [this] { destroy(); });
}

void Bus::call(const std::string& service, const std::string& path, const std::string& interface,
               const std::string& method, const Write& write, std::chrono::milliseconds timeout, OnReply fn) {
  if (!is_open()) return;
  try {
    auto& proxy = proxies_[service + path];
    if (!proxy) proxy = compat::proxy(*connection_, service, path);
    auto call = compat::method(*proxy, interface, method);
    if (write) write(call);
    compat::send(*proxy, call, timeout, [fn = std::move(fn)](sdbus::MethodReply& reply, const sdbus::Error* error) {
      try {
        if (error != nullptr) return fn({nullptr, error->getName(), error->getMessage()});
        fn({&reply, {}, {}});
      } catch (const sdbus::Error& e) {
        fn({nullptr, e.getName(), "an answer of another shape: " + e.getMessage()});
      }
    });
    if (depth_ == 0) arm();
  } catch (const sdbus::Error&) {
    lose();
  }
}

std::unique_ptr<sdbus::IObject> Bus::export_object(const std::string& path, const std::string& interface,
                                                   std::vector<compat::Property> properties,
                                                   std::vector<compat::Method> methods) {
  if (!is_open()) return nullptr;
  try {
    return compat::export_object(*connection_, path, interface, std::move(properties), std::move(methods));
  } catch (const sdbus::Error&) {
    lose();
    return nullptr;
  }
}

std::unique_ptr<sdbus::IObject> Bus::export_manager(const std::string& path) {
  if (!is_open()) return nullptr;
  try {
    return compat::export_manager(*connection_, path);
  } catch (const sdbus::Error&) {
    lose();
    return nullptr;
  }
}

void Bus::process() {
  if (!is_open()) return;
  ++depth_;
  bool broken = false;
  try {
    for (int i = 0; i < kBurst && is_open() && compat::process(*connection_); ++i) {
    }
  } catch (const sdbus::Error&) {
    broken = true;
  }
  --depth_;
  if (broken) return lose();
  if (is_open()) arm();
}

void Bus::arm() {
  try {
    const auto wait = compat::wait_of(*connection_);
    timeout_.reset();
    if (wait.timeout_ms >= 0)
      timeout_ = timers_.after(std::chrono::milliseconds{wait.timeout_ms}, [this] { process(); });
    // Not here: this may run in the callback of the very watch that is to be replaced.
    if (wait.fd != watched_.fd || wait.events != watched_.events)
      rewatch_ = timers_.after(std::chrono::milliseconds{0}, [this] { watch(); });
  } catch (const sdbus::Error&) {
    lose();
  }
}

void Bus::watch() {
  if (!is_open()) return;
  try {
    watched_ = compat::wait_of(*connection_);
  } catch (const sdbus::Error&) {
    return lose();
  }
  watch_.reset();
  watch_ =
      poller_.watch(watched_.fd, static_cast<std::uint16_t>(watched_.events), [this](std::uint32_t) { process(); });
}

/// The connection broke: says so from the loop, not from within a call.
void Bus::lose() {
  if (closing_) return;
  closing_ = true;
  end_ = timers_.after(std::chrono::milliseconds{0}, [this] {
    auto on_lost = std::move(on_lost_);
    if (on_lost) on_lost();
    if (closing_) destroy();
  });
}

void Bus::destroy() {
  watch_.reset();
  timeout_.reset();
  rewatch_.reset();
  end_.reset();
  proxies_.clear();
  matches_.clear();
  connection_.reset();
  on_lost_ = nullptr;
  watched_ = {};
  closing_ = false;
}

}  // namespace foyer::drivers::bluez
