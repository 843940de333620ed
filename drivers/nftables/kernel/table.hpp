#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "drivers/nftables/kernel/element.hpp"
#include "drivers/nftables/wire.hpp"

struct mnl_socket;

namespace foyer::drivers::nftables::kernel {

using Tallies = std::array<std::uint64_t, wire::kTallies.size()>;

/// Table `inet foyer` of the kernel: rules by libnftables, elements by netlink of our own. One thread. The table and
/// its guests stay when this object goes.
class Table {
 public:
  static Result<Table> open();

  /// Puts the rules of this policy in force in one transaction. Guests stay in, also when the table was laid by a
  /// version with other sets: then it is made anew with their elements in the same transaction.
  Result<void> lay(const ports::GatePolicy& policy);
  Result<void> take_away();

  /// All changes in one transaction (wire.hpp); 0 or errno. What those dropped had counted is put into `used`.
  int change(std::span<const wire::Change> changes, wire::Traffic& used);

  /// Reads everyone who is in, a part a call, so that what is asked in between need not wait: begin, then next until it
  /// says false. What changes meanwhile may come twice or in its old state.
  void begin_look();
  Result<bool> next_rows(std::vector<wire::Row>& rows);
  Result<Tallies> tallies();

 private:
  struct Deleter {
    void operator()(mnl_socket* socket) const;
  };
  class Batch;
  Result<void> run(const std::string& commands);
  bool has_our_sets();
  std::string survivors();
  void add(Batch& batch, const wire::Change& change, const std::optional<Element>& dropped);
  void drop_unused_objects(const MacAddress& mac);
  std::uint64_t limit(wire::Kind kind) const;
  int commit(Batch& batch);
  std::optional<Element> get(const std::string& set, Bytes key);
  Result<bool> next_elements(std::vector<Element>& elements);

  std::unique_ptr<mnl_socket, Deleter> netlink_, dumps_;
  std::uint32_t sequence_ = 0;
  ports::GatePolicy policy_;
  std::size_t set_ = 0;  ///< of a look: which set is read
  int attempt_ = 0;
  bool asked_ = false, interrupted_ = false;
};

}  // namespace foyer::drivers::nftables::kernel
