#pragma once

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace foyer::test {

/// A disk in memory for SQLite, registered as a VFS of its own, whose power can be cut and which can fail.
///
/// The model is that of SQLite's own crash tests (src/test6.c): a write reaches the platter with the next sync of its
/// file. When the power goes before that, each write since then is kept, dropped or torn, whatever became of the ones
/// around it; of a torn one each sector is new, old or noise. Making and deleting a file is at once durable. After a
/// failed sync the unsynced writes can still be read and will never be written, as ext4, XFS and Btrfs have it.
///
/// Any thread. It has one folder: a path is its last part. Nothing touches the real disk.
class CrashDisk {
 public:
  struct Traits {
    std::size_t sector = 4096;
    /// What the kernel's disks promise and SQLite's own VFS says of them: bytes beside a torn write stay as they are.
    /// False: the whole sector may be lost.
    bool powersafe = true;
  };
  enum class Operation { write, sync };

  explicit CrashDisk(Traits traits);
  CrashDisk() : CrashDisk(Traits{}) {}
  ~CrashDisk();
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;

  /// For ledger::Settings::vfs and sqlite3_open_v2. The disk must outlive every connection.
  const std::string& vfs() const { return name_; }

  /// What the power cut leaves. The same seed, the same remains.
  std::unique_ptr<CrashDisk> after_cut(std::uint64_t seed) const;
  /// The process dies, the machine does not: every write is there.
  std::unique_ptr<CrashDisk> after_kill() const;

  /// Called before each sync takes effect, on the thread that syncs and without the disk's lock.
  void on_sync(std::function<void()> fn);
  /// From the n-th (1: the next) operation of this kind on, `times` of them fail with this code.
  void fail(Operation operation, std::uint64_t nth, int code, std::uint64_t times = 1);
  /// More than this in all files together is SQLITE_FULL.
  void set_capacity(std::uint64_t bytes);

  struct Counts {
    std::uint64_t writes = 0, bytes = 0, syncs = 0;
  };
  Counts counts() const;

 private:
  friend struct CrashVfs;
  struct Write {
    std::size_t at = 0;
    std::string bytes;
    bool truncate = false;  ///< to the length `at`
  };
  /// Bytes in pages that copies share until one of them writes.
  class Content {
   public:
    std::size_t size() const { return size_; }
    void resize(std::size_t size);
    void read(std::size_t at, char* out, std::size_t count) const;  ///< all of it is there
    void write(std::size_t at, const char* data, std::size_t count);

   private:
    static constexpr std::size_t kPage = 4096;
    using Page = std::array<char, kPage>;
    std::vector<std::shared_ptr<Page>> pages_;
    std::size_t size_ = 0;
  };
  struct File {
    Content durable, current;
    std::vector<Write> unsynced;
    std::vector<std::unique_ptr<std::array<char, 32768>>> shared;  ///< the wal-index, 32 KiB a region
    std::array<int, SQLITE_SHM_NLOCK> readers{};
    std::array<bool, SQLITE_SHM_NLOCK> writer{};
    std::vector<int*> locks;  ///< of each open handle
  };
  struct Fault {
    std::uint64_t countdown = 0, times = 0;
    int code = SQLITE_OK;
  };

  int failing(Operation operation);
  static void apply(Content& content, const Write& write);
  void tear(Content& content, const Write& write, std::mt19937_64& random) const;

  const Traits traits_;
  const std::string name_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::function<void()> on_sync_;
  std::array<Fault, 2> faults_;
  std::uint64_t capacity_ = UINT64_MAX;
  Counts counts_;
  std::unique_ptr<sqlite3_vfs> registered_;
};

}  // namespace foyer::test
