#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/encoding.hpp"

/// SQLite for this room only: RAII over the C interface. One thread.
///
/// A failing statement throws SqlError. It never leaves the room: the savepoint that runs a command catches it, rolls
/// back and turns it into an Error, which is what a transaction wants and what a Result a statement would repeat on
/// every line.
namespace foyer::ledger {

class SqlError : public std::runtime_error {
 public:
  SqlError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int primary() const { return code_ & 0xff; }
  bool full() const { return primary() == SQLITE_FULL; }
  bool damaged() const { return primary() == SQLITE_CORRUPT || primary() == SQLITE_NOTADB; }
  /// A place of the disk cannot be read. SQLite's own VFS says CORRUPTFS where the kernel says EIO.
  bool unreadable() const { return code_ == SQLITE_IOERR_READ || code_ == SQLITE_IOERR_CORRUPTFS; }
  /// The file cannot be trusted to hold what it is told: nothing is stored any more by this process.
  bool hopeless() const { return primary() == SQLITE_IOERR || damaged(); }

 private:
  int code_;
};

class Db;

/// A prepared statement in use: binds, steps, and is reset when it goes out of scope.
class Query {
 public:
  Query(Db& db, sqlite3_stmt* statement, bool& busy);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds all parameters in order. Text is copied by SQLite only until the Query ends, so temporaries are safe.
  template <class... Values>
  Query& bind(const Values&... values) {
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  void bind_value(int index, sqlite3_value* value);
  template <class Value>
  void bind_at(int index, const Value& value) {
    bind_one(index, value);
  }

  bool next();   ///< true: a row is there
  void run();    ///< steps to the end
  void again();  ///< reset, ready to bind anew

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const;
  bool null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  sqlite3_value* value(int column) const { return sqlite3_column_value(statement_, column); }
  int columns() const { return sqlite3_column_count(statement_); }

 private:
  void bind_one(int index, std::string_view text);
  void bind_one(int index, const std::string& text) { bind_one(index, std::string_view(text)); }
  void bind_one(int index, const char* text) { bind_one(index, std::string_view(text)); }
  void bind_one(int index, ByteView bytes);
  void bind_one(int index, const Bytes& bytes) { bind_one(index, ByteView(bytes)); }
  template <class Integer>
  requires std::is_integral_v<Integer>
  void bind_one(int index, Integer number) { bind_integer(index, static_cast<std::int64_t>(number)); }
  void bind_integer(int index, std::int64_t number);
  void check(int code) const;

  Db& db_;
  sqlite3_stmt* statement_;
  bool& busy_;
};

/// One connection. Statements are prepared at their first use and kept.
class Db {
 public:
  enum class Mode {
    read_write,
    read_only,
    without_log  ///< read only, and what lies beside it (the log, its index) is not looked at
  };
  /// Throws SqlError. `vfs` empty: the default.
  Db(const std::string& path, Mode mode, const std::string& vfs);
  ~Db();
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  /// The text must be a constant of the program (a literal or made of constants): values are bound.
  Query query(std::string_view sql);
  void execute(std::string_view sql);  ///< several statements, no results
  std::int64_t pragma(std::string_view sql) { return number(sql); }
  std::int64_t number(std::string_view sql);  ///< first column of the first row; 0 when there is none
  std::int64_t changes() const { return sqlite3_changes64(handle_); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

  /// Frames in the write-ahead log after the last commit; 0 after a checkpoint of all.
  int wal_frames() const { return wal_frames_; }
  void checkpoint(int mode);  ///< SQLITE_CHECKPOINT_…; throws on I/O errors
  void keep_wal_on_close(bool keep);

  sqlite3* handle() { return handle_; }
  [[noreturn]] void raise(int code, std::string_view doing) const;

 private:
  struct Prepared {
    sqlite3_stmt* statement = nullptr;
    bool busy = false;
  };
  static int on_wal(void* self, sqlite3* handle, const char* name, int frames);

  sqlite3* handle_ = nullptr;
  int wal_frames_ = 0;
  std::unordered_map<std::string, Prepared> prepared_;
};

/// A savepoint: rolled back when it goes, unless released.
class Savepoint {
 public:
  explicit Savepoint(Db& db);
  ~Savepoint();
  Savepoint(const Savepoint&) = delete;
  Savepoint& operator=(const Savepoint&) = delete;
  void release();

 private:
  Db& db_;
  bool open_ = true;
};

}  // namespace foyer::ledger
