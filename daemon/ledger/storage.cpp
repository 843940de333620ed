#include "ledger/storage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ledger/migrate.hpp"
#include "ledger/rebuild.hpp"

namespace foyer::ledger {
namespace {

constexpr std::int64_t kJournalSizeLimit = 4 << 20;  // bytes of -wal kept after a checkpoint
constexpr std::int64_t kMinPages = 64;               // the empty schema and room to say that it is full
constexpr int kBootsKept = 100;

void configure(Db& db, const Settings& settings) {
  db.execute(
      fmt::format("PRAGMA page_size = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; "
                  "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; "
                  "PRAGMA journal_size_limit = {}",
                  kPageSize, settings.synchronous_full ? "FULL" : "NORMAL", kJournalSizeLimit));
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
  db->execute(fmt::format("PRAGMA max_page_count = {}", most_pages(settings)));  // a migration may need more
  db->keep_wal_on_close(false);
  return db;
}

Result<std::unique_ptr<Db>> open_or_rebuild(const Settings& settings, bool& rebuilt) {
  try {
    return open_checked(settings);
  } catch (const SqlError& error) {
    if (!error.damaged()) throw;
  }
  if (auto made = rebuild(settings); !made) return fail(made);
  rebuilt = true;
  return open_checked(settings);
}

/// The epoch, new when the file is, and one more boot.
void register_boot(Storage& storage, const Settings& settings) {
  auto& db = *storage.db;
  {
    auto query = db.query("SELECT value FROM meta WHERE key = 'epoch'");
    if (query.next()) storage.epoch = query.text(0);
  }
  storage.boot_seq = static_cast<std::uint64_t>(db.number("SELECT ifnull(max(seq), 0) FROM boot")) + 1;
  const bool known = !storage.epoch.empty();
  try {
    db.execute("BEGIN IMMEDIATE");
    if (!known) {
      storage.opened.fresh = true;
      storage.epoch = random_hex(settings.random, 8);
      db.query("INSERT INTO meta (key, value) VALUES ('epoch', ?)").bind(storage.epoch).run();
    }
    write_boot(storage, settings);
    db.execute("COMMIT");
    storage.boot_stored = true;
  } catch (const SqlError& error) {
    if (!known || !error.full()) throw;
    if (db.in_transaction()) db.execute("ROLLBACK");
  }
}

}  // namespace

std::int64_t most_pages(const Settings& settings) {
  return std::max(static_cast<std::int64_t>(settings.max_bytes) / kPageSize, kMinPages);
}

Result<void> create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::fatal, "{}: {}", path, std::strerror(errno));
  ::close(fd);
  return {};
}

void write_boot(Storage& storage, const Settings& settings) {
  const auto seq = static_cast<std::int64_t>(storage.boot_seq);
  auto& db = *storage.db;
  db.query("DELETE FROM boot WHERE seq <= ?").bind(seq - kBootsKept).run();
  db.query("INSERT INTO boot (seq, boot_id, opened_ms) VALUES (?,?,?)")
      .bind(seq, settings.boot_id, unix_ms(settings.wall()))
      .run();
}

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
    auto rebuilt = resume_rebuild(settings);
    if (!rebuilt) return fail(rebuilt);
    auto db = open_or_rebuild(settings, *rebuilt);
    if (!db) return fail(db);
    storage.db = std::move(*db);
    if (*rebuilt) storage.opened = rebuilt_from(*storage.db);
    register_boot(storage, settings);
  } catch (const SqlError& error) {
    return fail(Code::fatal, "{}: {}", settings.path, error.what());
  }
  return storage;
}

}  // namespace foyer::ledger
