#pragma once

#include <memory>
#include <string>

#include "ports/gate.hpp"
#include "ports/poller.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::nftables {

struct Settings {
  std::string socket = "/run/foyer-gate/gate.sock";
};

/// The Gate in the kernel, by way of foyer-gate. A call blocks the core for 250 ms at most (setup() for 2 s), once: a
/// gate that stays silent or goes is lost, calls fail at once with Code::retry, and it is sought by a timer (200 ms,
/// doubling to 5 s) that never blocks. Back, it gets the last policy before on_back. setup() fails with Code::degrade
/// when the rules are in force but a sysctl could not be set: guests can be admitted, the message says what to do. A
/// policy whose setup() failed with Code::retry is kept and laid when the gate appears. `poller` and `timers` must
/// outlive it.
std::unique_ptr<ports::Gate> make_gate(Settings settings, ports::Poller& poller, ports::Timers& timers);

}  // namespace foyer::drivers::nftables
