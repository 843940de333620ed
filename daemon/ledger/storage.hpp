#pragma once

#include <memory>
#include <string>

#include "ledger/ledger.hpp"
#include "ledger/sqlite.hpp"

/// The file itself: its lock, its checks, and what happens to a damaged one.
namespace foyer::ledger {

/// `<path>.lock`, held for life by flock(2): two processes that write or checkpoint one database can damage it.
class LockFile {
 public:
  static Result<LockFile> take(const std::string& path);
  LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  int fd_;
};

struct Storage {
  LockFile lock;
  std::unique_ptr<Db> db;
  Opened opened;
  std::string epoch;
  std::uint64_t boot_seq = 0;
};

/// Opens or creates the database of this program's version. A damaged file is renamed to `<path>.damaged-<n>`, never
/// deleted, and what can be read of it is carried into a new one with a new epoch.
Result<Storage> open_storage(const Settings& settings);

/// Copies what can be read of `damaged` into `db`. Kept and lost are counted into `opened`.
void carry_over(Db& db, const std::string& damaged, const std::string& vfs, Opened& opened);

}  // namespace foyer::ledger
