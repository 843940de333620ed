#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "ledger/storage.hpp"

namespace foyer::ledger {
namespace {

// What is worth carrying over. meta is the old file's own; stream is counted anew; the openings go on counting, so that
// no outbox row comes to belong to another boot.
constexpr std::string_view kTables[] = {
    "boot",          "campaign", "packet",         "campaign_use", "prize_use",
    "subject_use",   "draw",     "coupon",         "redemption",   "sale",
    "code_pool",     "staff",    "consent_record", "prize_record", "campaign_version",
    "packet_return", "offer",    "happening",      "offer_use",    "visit",
    "segment",       "arm",      "funnel",         "till_answer",  "session",
    "token_use",     "typed",    "admission",      "consent",      "order_answer",
    "erasure",       "outbox",
};

/// A table as both files have it: an earlier version's lacks columns, and the new file's defaults stand for them.
struct Table {
  std::string name;
  std::string columns;
  std::string marks;     ///< one ? a column
  std::string key;       ///< the primary key, ascending
  std::string key_down;  ///< and descending
};

constexpr std::uint64_t kPiece = 32;  // rows a commit: what did not fit takes back no more

/// Writes the rows of one table in small transactions.
class Pieces {
 public:
  Pieces(Db& to, const Table& table)
      : to_(to),
        insert_(fmt::format("INSERT OR IGNORE INTO {} ({}) VALUES ({})", table.name, table.columns, table.marks)) {}

  /// False: there is no room.
  bool put(const Query& row) {
    return fits([&] {
      if (!to_.in_transaction()) to_.execute("BEGIN IMMEDIATE");
      auto insert = to_.query(insert_);
      for (int i = 0; i < row.columns(); ++i) insert.bind_value(i + 1, row.value(i));
      try {
        insert.run();
      } catch (const SqlError& error) {
        if (error.primary() != SQLITE_CONSTRAINT) throw;  // a row the damage made nonsense of
      }
      if (++rows_ % kPiece == 0) to_.execute("COMMIT");
    });
  }
  bool finish() {
    return fits([&] {
      if (to_.in_transaction()) to_.execute("COMMIT");
    });
  }

 private:
  template <class Write>
  bool fits(Write write) {
    try {
      write();
      return true;
    } catch (const SqlError& error) {
      if (!error.full()) throw;
    }
    if (to_.in_transaction()) to_.execute("ROLLBACK");
    return false;
  }

  Db& to_;
  const std::string insert_;
  std::uint64_t rows_ = 0;
};

enum class End { whole, damage, full };

/// What fails while reading is the damage: a page that is nonsense, a sector that cannot be read, a table that is gone.
template <class Read>
std::optional<bool> read(Read step) {
  try {
    return step();
  } catch (const SqlError&) {
    return std::nullopt;
  }
}

/// Rows in one direction until the end, the damage, or no more room.
End copy_in_order(Db& from, Db& to, const Table& table, std::string_view order) {
  const auto select = fmt::format("SELECT {} FROM {} NOT INDEXED ORDER BY {}", table.columns, table.name, order);
  const auto prepared = read([&] {
    from.query(select);
    return true;
  });
  if (!prepared) return End::damage;
  Pieces pieces(to, table);
  auto rows = from.query(select);
  for (;;) {
    const auto more = read([&] { return rows.next(); });
    if (!more || !*more) {
      if (!pieces.finish()) return End::full;
      return more ? End::whole : End::damage;
    }
    if (!pieces.put(rows)) return End::full;
  }
}

/// How many rows there should be, by whatever can still be read; nullopt: nothing can.
std::optional<std::uint64_t> expected_rows(Db& from, const Table& table) {
  try {
    return static_cast<std::uint64_t>(from.number(table.name == "outbox"
                                                      ? "SELECT ifnull(sum(rows), 0) FROM stream"
                                                      : fmt::format("SELECT count(*) FROM {}", table.name)));
  } catch (const SqlError&) {
    return std::nullopt;
  }
}

std::uint64_t rows_in(Db& db, const Table& table) {
  return static_cast<std::uint64_t>(db.number(fmt::format("SELECT count(*) FROM {}", table.name)));
}

std::vector<std::string> columns_of(Db& db, std::string_view table) {
  std::vector<std::string> columns;
  auto query = db.query("SELECT name FROM pragma_table_info(?) ORDER BY cid");
  query.bind(table);
  while (query.next()) columns.push_back(query.text(0));
  return columns;
}

/// The columns both have. nullopt: it is not in the damaged file. Where nobody can say, it is taken to be whole.
std::optional<Table> in_both(Db& from, Db& to, std::string_view name) {
  auto columns = columns_of(to, name);
  std::vector<std::string> there;
  const bool known = read([&] {
                       there = columns_of(from, name);
                       return true;
                     }).has_value();
  if (known && there.empty()) return std::nullopt;
  if (known) std::erase_if(columns, [&](const auto& one) { return std::ranges::find(there, one) == there.end(); });
  std::vector<std::string> marks(columns.size(), "?"), key, key_down;
  auto query = to.query("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk");
  query.bind(name);
  while (query.next()) {
    key.push_back(query.text(0));
    key_down.push_back(query.text(0) + " DESC");
  }
  const auto listed = [](const std::vector<std::string>& all) { return fmt::format("{}", fmt::join(all, ", ")); };
  return Table{std::string(name), listed(columns), listed(marks), listed(key), listed(key_down)};
}

/// Forward to the damage, then backward to it: what lies between two damaged places is lost, no more.
void carry_table(Db& from, Db& to, const Table& table, Opened& opened) {
  const auto end = copy_in_order(from, to, table, table.key);
  if (end == End::damage) copy_in_order(from, to, table, table.key_down);
  const auto kept = rows_in(to, table);
  opened.kept += kept;
  const auto expected = expected_rows(from, table);
  if (expected && *expected > kept)
    opened.lost += *expected - kept;
  else if (end != End::whole)
    opened.lost += 1;
}

}  // namespace

void renumber(Db& db) {
  for (const auto stream : kStreams) {
    const auto id = static_cast<std::int64_t>(stream);
    std::int64_t next = 1, after = 0;
    for (;;) {
      std::int64_t seq = 0;
      {
        auto query = db.query("SELECT seq FROM outbox WHERE stream = ? AND seq > ? ORDER BY seq LIMIT 1");
        query.bind(id, after);
        if (!query.next()) break;
        seq = query.integer(0);
      }
      if (seq != next) db.query("UPDATE outbox SET seq = ? WHERE stream = ? AND seq = ?").bind(next, id, seq).run();
      after = seq;
      ++next;
    }
    db.query(
          "INSERT INTO stream (stream, last_seq, gone, rows, bytes, newest_ms) "
          "SELECT ?1, count(*), 0, count(*), "
          "ifnull(sum(length(CAST(type AS BLOB)) + length(CAST(subject AS BLOB)) + length(CAST(data AS BLOB))), 0), "
          "ifnull(max(wall_ms), 0) FROM outbox WHERE stream = ?1")
        .bind(id)
        .run();
    // What was done of an erasure was counted by the old numbers.
    db.query("UPDATE erasure SET seq = 0, upto = (SELECT last_seq FROM stream WHERE stream = ?1) WHERE stream = ?1")
        .bind(id)
        .run();
  }
}

void carry_over(Db& db, const std::string& damaged, const std::string& vfs, Opened& opened) {
  std::unique_ptr<Db> from;
  try {
    from = std::make_unique<Db>(damaged, Db::Mode::read_only, vfs);
    from->keep_wal_on_close(true);  // the file stays as it was found
    from->number("SELECT count(*) FROM sqlite_schema");
  } catch (const SqlError& error) {
    if (!error.damaged()) throw;        // it could not be opened now; perhaps it can the next time
    opened.lost += std::size(kTables);  // not even its table of contents
    return;
  }
  for (const auto name : kTables)
    if (const auto table = in_both(*from, db, name)) carry_table(*from, db, *table, opened);
  // As the migration that brought the table does.
  db.execute(
      "INSERT INTO campaign_version (campaign, version, at_ms, json) SELECT id, 1, 0, json FROM campaign "
      "WHERE id NOT IN (SELECT campaign FROM campaign_version)");
}

}  // namespace foyer::ledger
