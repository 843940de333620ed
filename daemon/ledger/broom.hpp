#pragma once

#include "ledger/sqlite.hpp"

namespace foyer::ledger {

/// Deletes in pieces, so that no transaction is long: at most kRows of one kind in one sweep, and whether more wait.
class Broom {
 public:
  static constexpr std::size_t kRows = 250;

  explicit Broom(Db& db) : db_(db) {}

  /// The last parameter of `sql` is the limit, kRows. Returns how many went.
  template <class... Values>
  std::size_t sweep(std::string_view sql, const Values&... values) {
    db_.query(sql).bind(values..., kRows).run();
    const auto gone = static_cast<std::size_t>(db_.changes());
    note(gone);
    return gone;
  }
  /// So many rows of a kind went by other means.
  void note(std::size_t rows) { more_ = more_ || rows >= kRows; }
  bool more() const { return more_; }

 private:
  Db& db_;
  bool more_ = false;
};

}  // namespace foyer::ledger
