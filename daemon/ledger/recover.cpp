#include <array>
#include <vector>

#include "ledger/storage.hpp"

namespace foyer::ledger {
namespace {

struct Table {
  std::string_view name;
  std::string_view columns;
  std::string_view marks;     ///< one ? a column
  std::string_view key;       ///< the primary key, ascending
  std::string_view key_down;  ///< and descending
};

// What is worth carrying over. meta is the old file's own; stream is counted anew; the openings go on counting, so that
// no outbox row comes to belong to another boot.
constexpr std::array kTables{
    Table{"boot", "seq, boot_id, opened_ms", "?,?,?", "seq", "seq DESC"},
    Table{"campaign", "id, source, json, started, active, held", "?,?,?,?,?,?", "id", "id DESC"},
    Table{"packet", "campaign, prize, n, minor", "?,?,?,?", "campaign, prize, n", "campaign DESC, prize DESC, n DESC"},
    Table{"campaign_use", "campaign, total, day, day_total", "?,?,?,?", "campaign", "campaign DESC"},
    Table{"prize_use", "campaign, prize, issued, minor, told", "?,?,?,?,?", "campaign, prize",
          "campaign DESC, prize DESC"},
    Table{"subject_use", "campaign, who, total, day, day_total, last_draw_ms", "?,?,?,?,?,?", "campaign, who",
          "campaign DESC, who DESC"},
    Table{"draw", "nonce_hash, subject, at_ms, answer", "?,?,?,?", "nonce_hash", "nonce_hash DESC"},
    Table{"coupon",
          "id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
          "expires_ms, title, benefit, redeem_at, starts_ms, hours, reservation, reserved_until_ms, zone",
          "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?", "id", "id DESC"},
    Table{"redemption", "coupon, n, at_ms, store, terminal, operator, check_no, minor, currency, ended, ended_ms",
          "?,?,?,?,?,?,?,?,?,?,?", "coupon, n", "coupon DESC, n DESC"},
    Table{"sale",
          "id, at_ms, store, terminal, operator, check_no, minor, currency, subject, coupon, issued, ended, ended_ms",
          "?,?,?,?,?,?,?,?,?,?,?,?,?", "id", "id DESC"},
    Table{"code_pool", "campaign, prize, n, code", "?,?,?,?", "campaign, prize, n",
          "campaign DESC, prize DESC, n DESC"},
    Table{"staff", "name, role, pin, added_ms, failures, locked_until_ms", "?,?,?,?,?,?", "name", "name DESC"},
    Table{"consent_record", "who, at_ms, given, terms_hash", "?,?,?,?", "who, at_ms, given",
          "who DESC, at_ms DESC, given DESC"},
    Table{"prize_record", "id, who, campaign, prize, odds, minor", "?,?,?,?,?,?", "id", "id DESC"},
    Table{"campaign_version", "campaign, version, at_ms, json", "?,?,?,?", "campaign, version",
          "campaign DESC, version DESC"},
    Table{"packet_return", "campaign, prize, count, minor", "?,?,?,?", "campaign, prize", "campaign DESC, prize DESC"},
    Table{"offer", "seq, instance, subject, at_ms, trigger_name, zone, answer", "?,?,?,?,?,?,?", "seq", "seq DESC"},
    Table{"happening", "instance, at_ms", "?,?", "instance", "instance DESC"},
    Table{"offer_use", "day, who, count", "?,?,?", "day, who", "day DESC, who DESC"},
    Table{"visit", "subject, first_day, last_day", "?,?,?", "subject", "subject DESC"},
    Table{"segment", "subject, name", "?,?", "subject, name", "subject DESC, name DESC"},
    Table{"arm", "campaign, who, held, day, returned, bought", "?,?,?,?,?,?", "campaign, who",
          "campaign DESC, who DESC"},
    Table{"funnel", "span, slot, campaign, zone, stage, events, people, bits", "?,?,?,?,?,?,?,?",
          "span, slot, campaign, zone, stage", "span DESC, slot DESC, campaign DESC, zone DESC, stage DESC"},
    Table{"till_answer", "key, request, at_ms, answer", "?,?,?,?", "key", "key DESC"},
    Table{"session", "id, subject, device, pair, way, kind, zone, evidence, since_ms, until_ms", "?,?,?,?,?,?,?,?,?,?",
          "id", "id DESC"},
    Table{"token_use", "token_hash, device, at_ms, session", "?,?,?,?", "token_hash, device",
          "token_hash DESC, device DESC"},
    Table{"typed", "code, body, expires_ms", "?,?,?", "code", "code DESC"},
    Table{"admission", "day, device, count", "?,?,?", "day, device", "day DESC, device DESC"},
    Table{"consent", "subject, terms_hash, given_ms", "?,?,?", "subject", "subject DESC"},
    Table{"order_answer", "key, at_ms, answer", "?,?,?", "key", "key DESC"},
    Table{"outbox", "stream, seq, type, subject, data, wall_ms, boot, mono_ms", "?,?,?,?,?,?,?,?", "stream, seq",
          "stream DESC, seq DESC"},
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

/// An earlier version's file has fewer tables. True also where nobody can say.
bool is_there(Db& from, const Table& table) {
  const auto found = read([&] {
    auto query = from.query("SELECT 1 FROM sqlite_schema WHERE name = ?");
    return query.bind(table.name).next();
  });
  return found.value_or(true);
}

/// Forward to the damage, then backward to it: what lies between two damaged places is lost, no more.
void carry_table(Db& from, Db& to, const Table& table, Opened& opened) {
  if (!is_there(from, table)) return;
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
  }
}

void carry_over(Db& db, const std::string& damaged, const std::string& vfs, Opened& opened) {
  std::unique_ptr<Db> from;
  try {
    from = std::make_unique<Db>(damaged, Db::Mode::read_only, vfs);
    from->keep_wal_on_close(true);  // the file stays as it was found
    from->number("SELECT count(*) FROM sqlite_schema");
  } catch (const SqlError& error) {
    if (!error.damaged()) throw;    // it could not be opened now; perhaps it can the next time
    opened.lost += kTables.size();  // not even its table of contents
    return;
  }
  for (const auto& table : kTables) carry_table(*from, db, table, opened);
}

}  // namespace foyer::ledger
