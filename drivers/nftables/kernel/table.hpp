#pragma once

#include "base/result.hpp"
#include "drivers/nftables/kernel/netlink.hpp"
#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables::kernel {

/// The whole of table `inet foyer` as one nft transaction (rules/foyer.nft): makes what is missing and replaces every
/// rule, but never touches what the sets hold. Code::refuse: the policy is not one.
Result<std::string> rules(const ports::GatePolicy& policy);

/// Table `inet foyer` of the kernel: rules by libnftables, elements by netlink of our own. One thread. The table and
/// its guests stay when this object goes. An int is 0 or errno.
class Table {
 public:
  int open() { return netlink_.open(); }
  /// Puts the rules of this policy in force in one transaction. Guests stay in, but where the table was laid by a
  /// version with other sets: then it is made anew, and whoever asks puts its guests in again.
  Result<void> lay(const ports::GatePolicy& policy);
  static Result<void> is_laid();  ///< the rules of this version are there; a failure may also be the asking's
  static Result<void> take_away();
  const ports::GatePolicy& policy() const { return policy_; }  ///< the one in force; without an interface: none yet

  /// As wire::Op says, each in one transaction.
  int admit(const wire::Key& guest, std::chrono::seconds time, wire::Traffic used);
  int remove(const wire::Key& guest, std::chrono::seconds keep_out, wire::Traffic& used);
  /// Tells everyone who is in and everyone who is kept out; what changes meanwhile may come twice.
  int look(const std::function<void(const wire::Row&)>& each);
  int tallies(std::array<std::uint64_t, wire::kTallies.size()>& packets);

 private:
  struct Held {
    wire::Key holder;  ///< of the address
    std::optional<std::uint64_t> up, down;
  };
  Held held(const wire::Key& guest);
  void put_out(const Held& held);
  void put_in(const wire::Key& guest, std::chrono::seconds time, const wire::Traffic& used);
  void put_limits(const wire::Key& guest, std::chrono::seconds time, std::uint64_t used);

  Netlink netlink_;
  ports::GatePolicy policy_;
};

}  // namespace foyer::drivers::nftables::kernel
