#pragma once

#include <atomic>
#include <list>
#include <set>
#include <thread>

#include "base/mailbox.hpp"
#include "drivers/nftables/kernel/table.hpp"
#include "drivers/nftables/socket.hpp"

namespace foyer::drivers::nftables::kernel {

/// What the kernel must have switched on for guests to get out and for the fence to see bytes. Each that is neither
/// right nor can be set is told with what to do: Code::degrade.
Result<void> switch_on_forwarding(const ports::GatePolicy& policy);

/// Forgets flows of who was removed. They are shut already, as every packet is looked up: this is housekeeping. The
/// kernel walks its whole table for it, about 10 ms for 262,144 buckets, so it has a thread of its own and nobody
/// waits; those removed meanwhile share the next walk.
class Conntrack {
 public:
  ~Conntrack() { box_.close(); }
  /// Every flow from this address that went out by the uplink. With 1,024 addresses waiting the newest are left to the
  /// kernel's time-outs. Any thread.
  void forget(const IpAddress& ip) {
    static_cast<void>(box_.try_post([=, this] { ips_.insert(ip); }));
  }

 private:
  void walk();
  std::set<IpAddress> ips_;  // of the thread alone
  Mailbox box_{1024};
  std::jthread thread_{[this] { walk(); }};
};

/// What the radio needs foyer-gate for. The tap is the Bluetooth monitor channel: the kernel takes no writing on it,
/// and a filter that is locked on it before it is handed out passes advertising reports alone, never keys or anybody's
/// data. It wants CAP_NET_RAW (docs/adr/0007-bluetooth-tap.md); reset wants CAP_NET_ADMIN and /dev/rfkill.
class Bluetooth {
 public:
  /// Answers on `peer`. False: this connection is over.
  bool serve(int peer, const wire::BluetoothRequest& request);

 private:
  /// Opening a dead controller takes the kernel ten seconds, which no guest is to wait: a thread does it, one at a
  /// time.
  std::shared_ptr<std::atomic<bool>> resetting_ = std::make_shared<std::atomic<bool>>(false);
};

/// foyer-gate itself: answers wire requests, one at a time, on one thread. Guests stay in when it goes.
class Server {
 public:
  /// `socket` is replaced when it is there, and may be opened by anybody: who asks must be `uid` or root (SO_PEERCRED).
  Server(std::string socket, uid_t uid) : socket_(std::move(socket)), uid_(uid) {}
  Result<void> listen();
  Result<void> run(int stop_fd);  ///< until it becomes readable

 private:
  void accept_peer();
  bool serve(int peer);
  Result<void> answer(const wire::Request& request, wire::Reply& reply);
  Result<void> setup(const ports::GatePolicy& policy);
  bool look(int peer, wire::Look packet);

  const std::string socket_;
  const uid_t uid_;
  Table table_;
  Conntrack conntrack_;
  Bluetooth bluetooth_;
  Descriptor listener_;
  std::list<Descriptor> peers_;
};

}  // namespace foyer::drivers::nftables::kernel
