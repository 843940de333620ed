#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "ledger/between.hpp"
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
  std::string marks;             ///< one ? a column
  std::vector<std::string> key;  ///< the columns of the primary key
  std::vector<int> key_at;       ///< … where they are in `columns`

  std::string order(bool up) const {
    return fmt::format("{}{}", fmt::join(key, up ? ", " : " DESC, "), up ? "" : " DESC");
  }
};

constexpr std::string_view kUnknownEpoch = "0000000000000000";
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

Key key_of(const Table& table, const Query& row) {
  Key key;
  for (const int at : table.key_at) {
    auto* value = row.value(at);
    const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
    const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
    switch (sqlite3_value_type(value)) {
      case SQLITE_INTEGER: key.emplace_back(sqlite3_value_int64(value)); break;
      case SQLITE_BLOB: key.emplace_back(Bytes(bytes, bytes + size)); break;
      default: key.emplace_back(size > 0 ? std::string(bytes, size) : std::string());
    }
  }
  return key;
}

/// A part of a table, read in one direction.
struct Stretch {
  std::optional<Key> from, to;  ///< from <= key < to, or, downward, to < key < from
  bool up = true;
};

std::string select_of(const Table& table, const Stretch& part) {
  std::string where;
  const auto limit = [&](const std::optional<Key>& key, const char* relation) {
    if (!key) return;
    const std::vector<std::string> columns(table.key.begin(),
                                           table.key.begin() + static_cast<std::ptrdiff_t>(key->size()));
    where += fmt::format("{} ({}) {} ({})", where.empty() ? " WHERE" : " AND", fmt::join(columns, ", "), relation,
                         fmt::join(std::vector<std::string>(key->size(), "?"), ", "));
  };
  limit(part.from, part.up ? ">=" : "<");
  limit(part.to, part.up ? "<" : ">");
  return fmt::format("SELECT {} FROM {} NOT INDEXED{} ORDER BY {}", table.columns, table.name, where,
                     table.order(part.up));
}

/// Rows until the end of the stretch, the damage, or no more room. `last`: the key of the last one.
End copy(Db& from, Db& to, const Table& table, const Stretch& part, std::optional<Key>& last) {
  const auto select = select_of(table, part);
  const auto prepared = read([&] {
    from.query(select);
    return true;
  });
  if (!prepared) return End::damage;
  Pieces pieces(to, table);
  auto rows = from.query(select);
  int index = 0;
  for (const auto* key : {&part.from, &part.to})
    for (const auto& column : *key ? **key : Key{}) {
      ++index;
      std::visit([&](const auto& value) { rows.bind_at(index, value); }, column);
    }
  for (;;) {
    const auto more = read([&] { return rows.next(); });
    if (!more || !*more) {
      if (!pieces.finish()) return End::full;
      return more ? End::whole : End::damage;
    }
    if (!pieces.put(rows)) return End::full;
    last = key_of(table, rows);
  }
}

// A sector that cannot be read may take seconds each time it is tried.
constexpr int kMostProbes = 200;  // of a table
constexpr int kDeepest = 12;      // without a row

/// What lies between two damaged places: looked for at a key half way, from there in both directions, and so on between
/// what was read and the damage.
End copy_between(Db& from, Db& to, const Table& table, Key low, Key high) {
  struct Part {
    Key low, high;
    int depth;
  };
  std::deque<Part> parts{{std::move(low), std::move(high), 0}};
  for (int probes = 0; !parts.empty() && probes < kMostProbes; ++probes) {
    const auto part = std::move(parts.front());
    parts.pop_front();
    const auto at = between(part.low, part.high, part.depth % 2 != 0);
    if (!at) {
      if (part.depth % 2 == 0) parts.push_back({part.low, part.high, part.depth + 1});
      continue;
    }
    for (const bool up : {true, false}) {
      std::optional<Key> last;
      const auto end = copy(from, to, table, {at, up ? part.high : part.low, up}, last);
      if (end == End::full) return end;
      const int depth = last ? 0 : part.depth + 1;
      if (end == End::whole || depth > kDeepest) continue;
      const auto& reached = last ? *last : *at;
      parts.push_back(up ? Part{reached, part.high, depth} : Part{part.low, reached, depth});
    }
  }
  return End::damage;
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
  const std::vector<std::string> marks(columns.size(), "?");
  Table table{std::string(name),
              fmt::format("{}", fmt::join(columns, ", ")),
              fmt::format("{}", fmt::join(marks, ", ")),
              {},
              {}};
  auto query = to.query("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk");
  query.bind(name);
  while (query.next()) {
    table.key.push_back(query.text(0));
    table.key_at.push_back(static_cast<int>(std::ranges::find(columns, table.key.back()) - columns.begin()));
  }
  return table;
}

/// Forward to the damage, backward to it, and between the two where there are rows that can be read.
void carry_table(Db& from, Db& to, const Table& table, Opened& opened) {
  std::optional<Key> low, high;
  const auto end = copy(from, to, table, {}, low);
  if (end == End::damage && copy(from, to, table, {{}, low, false}, high) == End::damage && low && high)
    copy_between(from, to, table, *low, *high);
  const auto kept = rows_in(to, table);
  opened.kept += kept;
  const auto expected = expected_rows(from, table);
  if (expected && *expected > kept)
    opened.lost += *expected - kept;
  else if (end != End::whole)
    opened.lost += 1;
}

/// Where its log cannot be read, the file as it was before it. Null: not even the table of contents can.
std::unique_ptr<Db> open_damaged(const std::string& path, const std::string& vfs) {
  for (const auto mode : {Db::Mode::read_only, Db::Mode::without_log}) {
    try {
      auto db = std::make_unique<Db>(path, mode, vfs);
      db->keep_wal_on_close(true);  // the file stays as it was found
      // A file that is shorter than it says is read as far as it goes only by who may write the schema.
      sqlite3_db_config(db->handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
      sqlite3_db_config(db->handle(), SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, nullptr);
      db->number("SELECT count(*) FROM sqlite_schema");
      return db;
    } catch (const SqlError& error) {
      if (!error.damaged() && !error.unreadable()) throw;  // it could not be opened now; perhaps it can the next time
    }
  }
  return nullptr;
}

}  // namespace

void renumber(Db& db, const std::string& epoch_before) {
  db.query(
        "UPDATE outbox SET data = json_set(data, '$.epoch', ?) WHERE type = 'outbox.gap' AND json_valid(data) AND "
        "data ->> '$.epoch' IS NULL")
      .bind(epoch_before.empty() ? kUnknownEpoch : std::string_view(epoch_before))
      .run();
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

std::string carry_over(Db& db, const std::string& damaged, const std::string& vfs, Opened& opened) {
  const auto from = open_damaged(damaged, vfs);
  if (!from) {
    opened.lost += std::size(kTables);
    return {};
  }
  for (const auto name : kTables)
    if (const auto table = in_both(*from, db, name)) carry_table(*from, db, *table, opened);
  // As the migration that brought the table does.
  db.execute(
      "INSERT INTO campaign_version (campaign, version, at_ms, json) SELECT id, 1, 0, json FROM campaign "
      "WHERE id NOT IN (SELECT campaign FROM campaign_version)");
  std::string epoch;
  (void)read([&] {
    epoch = epoch_of(*from);
    return true;
  });
  return epoch;
}

}  // namespace foyer::ledger
