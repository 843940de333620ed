#include "drivers/sim/gate.hpp"

#include <map>
#include <optional>

namespace foyer::drivers::sim {
namespace {

constexpr std::size_t kMaxGuests = 8192;  // as the kernel's set: the newest is refused
constexpr std::chrono::seconds kMaxTtl{31LL * 24 * 3600};

struct Session {
  MonoTime until;
  ports::Traffic bytes;
};

}  // namespace

struct SimGate::Impl {
  const ports::Clock& clock;
  std::optional<ports::GatePolicy> policy;
  std::map<ports::GuestKey, Session> sessions;
  std::map<MacAddress, MonoTime> kept_out;
  std::function<void()> on_back;
  bool lost = false;

  Result<void> ready() {
    if (lost) return fail(Code::retry, "gate: lost");
    if (!policy) return fail(Code::retry, "gate: not set up");
    std::erase_if(sessions, [now = clock.mono()](const auto& entry) { return entry.second.until <= now; });
    std::erase_if(kept_out, [now = clock.mono()](const auto& entry) { return entry.second <= now; });
    return {};
  }
};

SimGate::SimGate(const ports::Clock& clock) : impl_(std::make_unique<Impl>(Impl{clock, {}, {}, {}, {}, false})) {}
SimGate::~SimGate() = default;

Result<void> SimGate::setup(const ports::GatePolicy& policy) {
  if (impl_->lost) return fail(Code::retry, "gate: lost");
  if (policy.interface.empty() || policy.interface.size() > 15 || policy.interface == policy.uplink)
    return fail(Code::refuse, "gate: '{}' is not the name of the guests' interface", policy.interface);
  impl_->policy = policy;
  return {};
}

Result<void> SimGate::admit(const ports::GuestKey& guest, std::chrono::seconds ttl, const ports::Traffic& used) {
  if (auto good = impl_->ready(); !good) return good;
  if (ttl <= std::chrono::seconds{0} || ttl > kMaxTtl)
    return fail(Code::refuse, "admit for {} s: 1 to {} are allowed", ttl.count(), kMaxTtl.count());
  auto& sessions = impl_->sessions;
  if (sessions.size() >= kMaxGuests && !sessions.contains(guest)) return fail(Code::refuse, "admit: the set is full");
  std::erase_if(sessions,
                [&](const auto& entry) { return entry.first.ip == guest.ip && entry.first.mac != guest.mac; });
  const auto until = impl_->clock.mono() + ttl;
  sessions.try_emplace(guest, Session{until, used}).first->second.until = until;
  return {};
}

Result<ports::Traffic> SimGate::remove(const ports::GuestKey& guest, std::optional<std::chrono::seconds> keep_out) {
  if (auto good = impl_->ready(); !good) return fail(good);
  if (keep_out && (*keep_out < std::chrono::seconds{0} || *keep_out > kMaxTtl))
    return fail(Code::refuse, "keep out for {} s: 0 to {} are allowed", keep_out->count(), kMaxTtl.count());
  if (keep_out) impl_->kept_out[guest.mac] = impl_->clock.mono() + *keep_out;
  const auto node = impl_->sessions.extract(guest);
  return node ? node.mapped().bytes : ports::Traffic{};
}

void SimGate::look(State then) {
  if (auto good = impl_->ready(); !good) return then(fail(good));
  ports::GateState state;
  for (const auto& [key, session] : impl_->sessions) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(session.until - impl_->clock.mono());
    state.guests.push_back({key, left, session.bytes});
  }
  for (const auto& [mac, until] : impl_->kept_out)
    state.kept_out[mac] = std::chrono::ceil<std::chrono::seconds>(until - impl_->clock.mono());
  then(state);
}

void SimGate::on_back(std::function<void()> fn) { impl_->on_back = std::move(fn); }

void SimGate::feed(const ports::GuestKey& guest, const ports::Traffic& bytes) {
  const auto found = impl_->sessions.find(guest);
  if (found == impl_->sessions.end()) return;
  found->second.bytes.up += bytes.up;
  found->second.bytes.down += bytes.down;
}

void SimGate::lose() { impl_->lost = true; }

void SimGate::back() {
  impl_->lost = false;
  if (impl_->on_back) impl_->on_back();
}

std::unique_ptr<ports::Gate> make_gate(const ports::Clock& clock) { return std::make_unique<SimGate>(clock); }

}  // namespace foyer::drivers::sim
