#include "ledger/sqlite.hpp"

#include <fmt/format.h>

#include <exception>

namespace foyer::ledger {

// ---- Query ---------------------------------------------------------------------------------------------------

Query::Query(Db& db, sqlite3_stmt* statement, bool& busy) : db_(db), statement_(statement), busy_(busy) {
  if (busy_) std::terminate();  // the same statement nested in itself: a bug
  busy_ = true;
}

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  busy_ = false;
}

void Query::check(int code) const {
  if (code != SQLITE_OK) db_.raise(code, "bind");
}

void Query::bind_one(int index, std::string_view text) {
  check(sqlite3_bind_text64(statement_, index, text.data() ? text.data() : "", text.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8));
}

void Query::bind_one(int index, ByteView bytes) {
  static constexpr std::uint8_t kNothing = 0;  // a null pointer would bind NULL
  check(
      sqlite3_bind_blob64(statement_, index, bytes.data() ? bytes.data() : &kNothing, bytes.size(), SQLITE_TRANSIENT));
}

void Query::bind_integer(int index, std::int64_t number) { check(sqlite3_bind_int64(statement_, index, number)); }

void Query::bind_value(int index, sqlite3_value* value) { check(sqlite3_bind_value(statement_, index, value)); }

bool Query::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  db_.raise(code, sqlite3_sql(statement_));
}

void Query::run() {
  while (next()) {
  }
}

void Query::again() { sqlite3_reset(statement_); }

std::string Query::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data ? std::string(data, size) : std::string();
}

// ---- Db ------------------------------------------------------------------------------------------------------

namespace {

/// sqlite.org/uri.html: of a path only what ends it or escapes must be escaped.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) uri += c == '%' ? "%25" : c == '?' ? "%3f" : c == '#' ? "%23" : std::string(1, c);
  return uri + "?immutable=1";
}

}  // namespace

Db::Db(const std::string& path, Mode mode, const std::string& vfs) {
  const int how = mode == Mode::read_write  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                  : mode == Mode::read_only ? SQLITE_OPEN_READONLY
                                            : SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | how;
  const auto name = mode == Mode::without_log ? immutable_uri(path) : path;
  const int code = sqlite3_open_v2(name.c_str(), &handle_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    const SqlError error(code, fmt::format("open {}: {}", path, sqlite3_errstr(code)));
    sqlite3_close_v2(handle_);
    throw error;
  }
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_wal_hook(handle_, &Db::on_wal, this);  // in the place of autocheckpoint: the writer chooses the moment
}

Db::~Db() {
  for (auto& [sql, prepared] : prepared_) sqlite3_finalize(prepared.statement);
  sqlite3_close_v2(handle_);
}

int Db::on_wal(void* self, sqlite3*, const char*, int frames) {
  static_cast<Db*>(self)->wal_frames_ = frames;
  return SQLITE_OK;
}

void Db::raise(int code, std::string_view doing) const {
  throw SqlError(code, fmt::format("{}: {} ({})", sqlite3_errmsg(handle_), sqlite3_errstr(code), doing));
}

Query Db::query(std::string_view sql) {
  auto& prepared = prepared_[std::string(sql)];
  if (prepared.statement == nullptr) {
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &prepared.statement, nullptr);
    if (code != SQLITE_OK) raise(code, sql);
  }
  return Query(*this, prepared.statement, prepared.busy);
}

void Db::execute(std::string_view sql) {
  const std::string text(sql);
  const int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(code, sql.substr(0, 60));
}

std::int64_t Db::number(std::string_view sql) {
  auto query = this->query(sql);
  return query.next() ? query.integer(0) : 0;
}

void Db::checkpoint(int mode) {
  int frames = 0, done = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, mode, &frames, &done);
  if (code == SQLITE_BUSY) return;  // a reader from outside (sqlite3 shell): the next one does it
  if (code != SQLITE_OK) raise(code, "checkpoint");
  if (frames == done) wal_frames_ = 0;
}

void Db::keep_wal_on_close(bool keep) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

// ---- Savepoint -----------------------------------------------------------------------------------------------

Savepoint::Savepoint(Db& db) : db_(db) { db_.query("SAVEPOINT command").run(); }

Savepoint::~Savepoint() {
  if (!open_ || !db_.in_transaction()) return;  // SQLite may have rolled back the whole transaction by itself
  try {
    db_.query("ROLLBACK TO command").run();
    db_.query("RELEASE command").run();
  } catch (const SqlError&) {
    // The group's COMMIT or ROLLBACK that follows meets the same failure and reports it.
  }
}

void Savepoint::release() {
  db_.query("RELEASE command").run();
  open_ = false;
}

}  // namespace foyer::ledger
