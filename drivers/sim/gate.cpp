#include "drivers/sim/gate.hpp"

#include <map>
#include <optional>

namespace foyer::drivers::sim {
namespace {

constexpr std::size_t kMaxGuests = 8192;  // as the kernel's set: the newest is refused
constexpr std::chrono::seconds kMaxTtl{31LL * 24 * 3600};

struct Session {
  MonoTime until;
  std::uint64_t bytes_up = 0, bytes_down = 0;
};

}  // namespace

struct SimGate::Impl {
  const ports::Clock& clock;
  std::optional<ports::GatePolicy> policy;
  std::map<ports::GuestKey, Session> sessions;
  std::function<void()> on_back;
  bool lost = false;

  Result<void> ready() {
    if (lost) return fail(Code::retry, "gate: lost");
    if (!policy) return fail(Code::retry, "gate: not set up");
    std::erase_if(sessions, [now = clock.mono()](const auto& entry) { return entry.second.until <= now; });
    return {};
  }
};

SimGate::SimGate(const ports::Clock& clock) : impl_(std::make_unique<Impl>(Impl{clock, {}, {}, {}, false})) {}
SimGate::~SimGate() = default;

Result<void> SimGate::setup(const ports::GatePolicy& policy) {
  if (impl_->lost) return fail(Code::retry, "gate: lost");
  if (policy.interface.empty() || policy.interface.size() > 15 || policy.interface == policy.uplink)
    return fail(Code::refuse, "gate: '{}' is not the name of the guests' interface", policy.interface);
  impl_->policy = policy;
  return {};
}

Result<void> SimGate::admit(const ports::GuestKey& guest, std::chrono::seconds ttl) {
  if (auto good = impl_->ready(); !good) return good;
  if (ttl <= std::chrono::seconds{0} || ttl > kMaxTtl)
    return fail(Code::refuse, "admit for {} s: 1 to {} are allowed", ttl.count(), kMaxTtl.count());
  auto& sessions = impl_->sessions;
  if (sessions.size() >= kMaxGuests && !sessions.contains(guest)) return fail(Code::refuse, "admit: the set is full");
  std::erase_if(sessions,
                [&](const auto& entry) { return entry.first.ip == guest.ip && entry.first.mac != guest.mac; });
  sessions[guest].until = impl_->clock.mono() + ttl;
  return {};
}

Result<void> SimGate::remove(const ports::GuestKey& guest) {
  if (auto good = impl_->ready(); !good) return good;
  impl_->sessions.erase(guest);
  return {};
}

Result<std::vector<ports::Guest>> SimGate::guests() {
  if (auto good = impl_->ready(); !good) return fail(good);
  std::vector<ports::Guest> all;
  for (const auto& [key, session] : impl_->sessions) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(session.until - impl_->clock.mono());
    all.push_back({key, left, session.bytes_up, session.bytes_down});
  }
  return all;
}

void SimGate::on_back(std::function<void()> fn) { impl_->on_back = std::move(fn); }

void SimGate::feed(const ports::GuestKey& guest, std::uint64_t bytes_up, std::uint64_t bytes_down) {
  const auto found = impl_->sessions.find(guest);
  if (found == impl_->sessions.end()) return;
  found->second.bytes_up += bytes_up;
  found->second.bytes_down += bytes_down;
}

void SimGate::lose() { impl_->lost = true; }

void SimGate::back() {
  impl_->lost = false;
  if (impl_->on_back) impl_->on_back();
}

std::unique_ptr<ports::Gate> make_gate(const ports::Clock& clock) { return std::make_unique<SimGate>(clock); }

}  // namespace foyer::drivers::sim
