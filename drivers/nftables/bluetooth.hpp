#pragma once

#include <memory>
#include <string>

#include "ports/bluetooth.hpp"
#include "ports/poller.hpp"
#include "ports/timers.hpp"

namespace foyer::drivers::nftables {

/// The Bluetooth side of foyer-gate, on a connection of its own to its socket, made when something is asked. A gate
/// that is not there, or does not answer within two seconds, fails what was asked: Code::retry. Code::refuse: it may
/// not.
std::unique_ptr<ports::Bluetooth> make_bluetooth(std::string socket, ports::Poller& poller, ports::Timers& timers);

}  // namespace foyer::drivers::nftables
