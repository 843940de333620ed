#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "campaign/statistics.hpp"
#include "ledger/sqlite.hpp"

namespace foyer::ledger {

/// Counts the funnel: events, and the people behind them without keeping who they are. In memory until write(), which
/// adds a whole group's counts to one row a cell. Ledger thread only.
class Tally {
 public:
  /// `who` as in usage.hpp; `campaign` empty: of the house as a whole.
  void add(campaign::Stage stage, std::string_view campaign, std::string_view zone, ByteView who);

  std::size_t mark() const { return added_.size(); }
  void restore(std::size_t mark) { added_.resize(mark); }
  /// Inside the transaction, after the last command; forgets what was added.
  void write(Db& db, WallTime now, std::int64_t today);

 private:
  struct Entry {
    campaign::Stage stage = campaign::Stage::present;
    std::string campaign, zone;
    Bytes who;
  };
  std::vector<Entry> added_;
};

/// Slots that are over keep their numbers and lose the places people fell on; old ones go.
void close_funnel(Db& db, WallTime now, std::int64_t today);

/// The last `days` local days and the last 48 hours.
std::vector<campaign::Cell> funnel_cells(Db& db, WallTime now, std::int64_t today, int days);

}  // namespace foyer::ledger
