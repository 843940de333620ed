#pragma once

#include <array>
#include <memory>
#include <string>

#include "ledger/ledger.hpp"
#include "ledger/sqlite.hpp"

/// The file itself: its lock, its checks, and what happens to a damaged one.
namespace foyer::ledger {

/// `<path>.lock`, held for life by flock(2): two processes that write or checkpoint one database can damage it. What it
/// holds is the Mark.
class LockFile {
 public:
  static Result<LockFile> take(const std::string& path);
  LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), made_(other.made_) {}
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();
  int fd() const { return fd_; }
  /// The file was made by take(): this program never opened this database before.
  bool made() const { return made_; }

 private:
  LockFile(int fd, bool made) : fd_(fd), made_(made) {}
  int fd_;
  bool made_;
};

constexpr std::int64_t kPageSize = 4096;  ///< the block of every file system we run on

/// storage.max_size in pages; never fewer than the empty schema and room to say that it is full.
std::int64_t most_pages(const Settings& settings);
/// Creates the file for us alone; SQLite gives what lies beside it the same mode.
Result<void> create_private(const std::string& path);

struct Storage {
  LockFile lock;
  std::unique_ptr<Db> db;
  Opened opened;
  std::string epoch;
  std::uint64_t boot_seq = 0;
  std::uint64_t seal = 0;    ///< of this opening (ledger/mark.hpp)
  bool boot_stored = false;  ///< false: there was no room for its row, which is written when there is
};

/// Opens or creates the database of this program's version. A damaged file is renamed to `<path>.damaged-<n>`, never
/// deleted, and what can be read of it is carried into a new one with a new epoch (ledger/rebuild.hpp). A file that is
/// not the one that was closed last (ledger/mark.hpp) gets a new epoch. One without room for another row opens as well.
Result<Storage> open_storage(const Settings& settings);
/// Writes what is on the disk now into the lock file; call it after a commit that was synced.
void note_mark(const Storage& storage, const Settings& settings, const std::array<std::uint64_t, 3>& last);
/// The row of this boot. Inside a transaction.
void write_boot(Storage& storage, const Settings& settings);

/// Copies what can be read of `damaged` into `db` until it is full. Kept and lost are counted into `opened`. Not inside
/// a transaction: it commits as it goes. Returns the epoch of the damaged file; empty where it cannot be read.
std::string carry_over(Db& db, const std::string& damaged, const std::string& vfs, Opened& opened);
/// After it: in the new epoch every stream counts from 1 again, without gaps, and the gaps that were told with the
/// numbers of the epoch before say so. Inside a transaction.
void renumber(Db& db, const std::string& epoch_before);
/// Empty: there is none, or it cannot be read.
std::string epoch_of(Db& db);

}  // namespace foyer::ledger
