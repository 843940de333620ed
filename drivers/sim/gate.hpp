#pragma once

#include <memory>

#include "ports/clock.hpp"
#include "ports/gate.hpp"

namespace foyer::drivers::sim {

/// A Gate in memory, for the demo and for tests: sessions end by the clock, nothing is enforced. Never lost, so on_back
/// is never called, unless a test loses it. Core thread only. `clock` must outlive it.
class SimGate final : public ports::Gate {
 public:
  explicit SimGate(const ports::Clock& clock);
  ~SimGate() override;

  Result<void> setup(const ports::GatePolicy& policy) override;
  Result<void> admit(const ports::GuestKey& guest, std::chrono::seconds ttl, const ports::Traffic& used) override;
  Result<ports::Traffic> remove(const ports::GuestKey& guest, std::optional<std::chrono::seconds> keep_out) override;
  void look(State then) override;
  void on_back(std::function<void()> fn) override;

  /// Traffic of a guest who is in; of anybody else it changes nothing.
  void feed(const ports::GuestKey& guest, const ports::Traffic& bytes);
  void lose();  ///< every call fails with Code::retry
  void back();  ///< works again, with the guests it had, and calls on_back

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::unique_ptr<ports::Gate> make_gate(const ports::Clock& clock);

}  // namespace foyer::drivers::sim
