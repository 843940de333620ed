#include "ledger/storage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ledger/migrate.hpp"

namespace foyer::ledger {
namespace {

constexpr std::int64_t kPageSize = 4096;             // the block of every file system we run on
constexpr std::int64_t kJournalSizeLimit = 4 << 20;  // bytes of -wal kept after a checkpoint
constexpr std::int64_t kMinPages = 64;               // the empty schema and room to say that it is full
constexpr int kBootsKept = 100;

/// Creates the file for us alone; SQLite gives -wal and -shm the same mode.
Result<void> create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::fatal, "{}: {}", path, std::strerror(errno));
  ::close(fd);
  return {};
}

void configure(Db& db, const Settings& settings) {
  const auto pages = std::max(static_cast<std::int64_t>(settings.max_bytes) / kPageSize, kMinPages);
  db.execute(
      fmt::format("PRAGMA page_size = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; "
                  "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; "
                  "PRAGMA journal_size_limit = {}; PRAGMA max_page_count = {}",
                  kPageSize, settings.synchronous_full ? "FULL" : "NORMAL", kJournalSizeLimit, pages));
}

void check_quickly(Db& db) {
  auto query = db.query("PRAGMA quick_check(1)");
  const std::string verdict = query.next() ? query.text(0) : "no answer";
  if (verdict != "ok") throw SqlError(SQLITE_CORRUPT, "quick_check: " + verdict);
}

/// Opens, refuses a later version before anything is written, checks and migrates. Throws SqlError.
Result<std::unique_ptr<Db>> open_checked(const Settings& settings) {
  if (auto created = create_private(settings.path); !created) return fail(created);
  auto db = std::make_unique<Db>(settings.path, Db::Mode::read_write, settings.vfs);
  db->keep_wal_on_close(true);  // until the file is known to be ours
  db->execute(fmt::format("PRAGMA page_size = {}", kPageSize));
  const auto version = db->number("PRAGMA user_version");
  if (version <= newest_version()) {
    check_quickly(*db);
    configure(*db, settings);
  }
  if (auto migrated = migrate(*db); !migrated) return fail(migrated);
  db->keep_wal_on_close(false);
  return db;
}

Result<std::string> set_aside(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  int n = 1;
  while (fs::exists(fmt::format("{}.damaged-{}", path, n), error)) ++n;
  const auto aside = fmt::format("{}.damaged-{}", path, n);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    if (*suffix != '\0' && !fs::exists(path + suffix, error)) continue;
    fs::rename(path + suffix, aside + suffix, error);
    if (error) return fail(Code::fatal, "{}{} is damaged and cannot be set aside: {}", path, suffix, error.message());
  }
  return aside;
}

Result<void> recover(Storage& storage, const Settings& settings) {
  auto aside = set_aside(settings.path);
  if (!aside) return fail(aside);
  storage.opened.set_aside = *aside;
  auto db = open_checked(settings);
  if (!db) return fail(db);
  storage.db = std::move(*db);
  carry_over(*storage.db, *aside, settings.vfs, storage.opened);
  return {};
}

/// The epoch, new when the file is, and one more boot.
void register_boot(Storage& storage, const Settings& settings) {
  auto& db = *storage.db;
  db.execute("BEGIN IMMEDIATE");
  {
    auto query = db.query("SELECT value FROM meta WHERE key = 'epoch'");
    if (query.next()) storage.epoch = query.text(0);
  }
  if (storage.epoch.empty()) {
    storage.opened.fresh = true;
    storage.epoch = random_hex(settings.random, 8);
    db.query("INSERT INTO meta (key, value) VALUES ('epoch', ?)").bind(storage.epoch).run();
  }
  db.query("INSERT INTO boot (boot_id, opened_ms) VALUES (?,?)").bind(settings.boot_id, unix_ms(settings.wall())).run();
  storage.boot_seq = static_cast<std::uint64_t>(db.number("SELECT max(seq) FROM boot"));
  db.query("DELETE FROM boot WHERE seq <= ?").bind(static_cast<std::int64_t>(storage.boot_seq) - kBootsKept).run();
  db.execute("COMMIT");
}

}  // namespace

Result<LockFile> LockFile::take(const std::string& path) {
  const auto name = path + ".lock";
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::fatal, "{}: {}", name, std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::close(fd);
    if (why == EWOULDBLOCK)
      return fail(Code::fatal, "{} is in use by another process (it holds {}); only one may write it", path, name);
    return fail(Code::fatal, "lock {}: {}", name, std::strerror(why));
  }
  return LockFile(fd);
}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Storage> open_storage(const Settings& settings) {
  auto lock = LockFile::take(settings.path);
  if (!lock) return fail(lock);
  Storage storage{std::move(*lock), nullptr, {}, {}, 0};
  try {
    try {
      auto db = open_checked(settings);
      if (!db) return fail(db);
      storage.db = std::move(*db);
    } catch (const SqlError& error) {
      if (!error.damaged()) throw;
      if (auto recovered = recover(storage, settings); !recovered) return fail(recovered);
    }
    register_boot(storage, settings);
  } catch (const SqlError& error) {
    return fail(Code::fatal, "{}: {}", settings.path, error.what());
  }
  return storage;
}

}  // namespace foyer::ledger
