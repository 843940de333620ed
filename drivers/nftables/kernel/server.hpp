#pragma once

#include <sys/types.h>

#include <list>
#include <optional>
#include <set>
#include <string>

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
  /// Listens. The socket file may be opened by anybody; who asks is checked by SO_PEERCRED.
  static Result<Server> open(const ServerSettings& settings);
  Server(Server&&) noexcept = default;
  ~Server();

  /// Answers until `stop_fd` becomes readable.
  Result<void> run(int stop_fd);

 private:
  class Descriptor {
   public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~Descriptor();
    int get() const { return fd_; }

   private:
    int fd_;
  };

  Server(Table table, Conntrack conntrack) : table_(std::move(table)), conntrack_(std::move(conntrack)) {}
  void accept_peer();
  bool serve(int peer);
  wire::Reply answer(const wire::Request& request);
  bool send_guests(int peer, std::uint32_t sequence);
  Result<void> setup(const wire::Policy& policy);
  Result<void> admit(const ports::GuestKey& guest, std::uint32_t ttl_seconds);
  Result<void> remove(const ports::GuestKey& guest);
  void forget_shut();

  Table table_;
  Conntrack conntrack_;
  Bluetooth bluetooth_;
  std::string socket_;
  uid_t uid_ = 0;
  Descriptor listener_;
  std::list<Descriptor> peers_;
  std::optional<ports::GatePolicy> policy_;
  std::set<IpAddress> shut_;  ///< removed; the kernel still tracks their flows
};

/// What the kernel must have switched on for guests to get out and for the fence to see bytes. Each that is neither
/// right nor can be set is told with what to do: Code::degrade.
Result<void> switch_on_forwarding(const ports::GatePolicy& policy);

}  // namespace foyer::drivers::nftables::kernel
