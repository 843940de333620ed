#pragma once

#include <sys/types.h>

#include <list>
#include <string>

#include "drivers/nftables/descriptor.hpp"
#include "drivers/nftables/kernel/bluetooth.hpp"
#include "drivers/nftables/kernel/conntrack.hpp"
#include "drivers/nftables/kernel/table.hpp"
#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables::kernel {

struct ServerSettings {
  std::string socket;  ///< replaced when it is there
  uid_t uid = 0;       ///< who is answered, beside root
};

/// foyer-gate itself: answers wire requests, one at a time, on one thread. Guests stay in when it goes.
class Server {
 public:
  explicit Server(Table table) : table_(std::move(table)) {}
  ~Server();

  /// The socket file may be opened by anybody; who asks is checked by SO_PEERCRED.
  Result<void> listen(const ServerSettings& settings);
  /// Answers until `stop_fd` becomes readable.
  Result<void> run(int stop_fd);

 private:
  void accept_peer();
  bool serve(int peer);
  Result<void> answer(const wire::Request& request, wire::Reply& reply);
  Result<void> setup(const ports::GatePolicy& policy);
  Result<void> change(const wire::Request& request, wire::Reply& reply);
  bool look_on();

  Table table_;
  Conntrack conntrack_;
  ServerSettings settings_;
  Bluetooth bluetooth_;
  Descriptor listener_;
  std::list<Descriptor> peers_;
  ports::GatePolicy policy_;         ///< without an interface: none yet
  int looker_ = -1;                  ///< the peer that waits for rows; -1: none
  std::uint32_t look_sequence_ = 0;  ///< of its request
};

/// What the kernel must have switched on for guests to get out and for the fence to see bytes. Each that is neither
/// right nor can be set is told with what to do: Code::degrade.
Result<void> switch_on_forwarding(const ports::GatePolicy& policy);

}  // namespace foyer::drivers::nftables::kernel
