#include "ledger/storage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ledger/codec.hpp"
#include "ledger/mark.hpp"
#include "ledger/migrate.hpp"
#include "ledger/outbox.hpp"
#include "ledger/rebuild.hpp"
#include "ledger/reserve.hpp"

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

/// The quick one does not compare indexes with their tables.
void check(Db& db, bool thorough) {
  auto query = db.query(thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)");
  const std::string verdict = query.next() ? query.text(0) : "no answer";
  if (verdict != "ok") throw SqlError(SQLITE_CORRUPT, "check: " + verdict);
}

/// Opens, refuses a later version before anything is written, checks and migrates. Throws SqlError.
Result<std::unique_ptr<Db>> open_checked(const Settings& settings, bool thorough) {
  if (auto created = create_private(settings.path); !created) return fail(created);
  auto db = std::make_unique<Db>(settings.path, Db::Mode::read_write, settings.vfs);
  db->keep_wal_on_close(true);  // until the file is known to be ours
  db->execute(fmt::format("PRAGMA page_size = {}", kPageSize));
  const auto version = db->number("PRAGMA user_version");
  if (version <= newest_version()) {
    check(*db, thorough);
    configure(*db, settings);
  }
  if (auto migrated = migrate(*db); !migrated) return fail(migrated);
  db->execute(fmt::format("PRAGMA max_page_count = {}", most_pages(settings)));  // a migration may need more
  db->keep_wal_on_close(false);
  return db;
}

/// nullopt: the file is damaged, or a place of it cannot be read, not even at a second try.
Result<std::optional<std::unique_ptr<Db>>> open_sound(const Settings& settings, bool thorough) {
  for (const bool again : {false, true}) {
    try {
      auto db = open_checked(settings, thorough);
      if (!db) return fail(db);
      return std::optional(std::move(*db));
    } catch (const SqlError& error) {
      if (error.damaged() || (error.unreadable() && again)) return std::optional<std::unique_ptr<Db>>{};
      if (!error.unreadable()) throw;
    }
  }
  return std::optional<std::unique_ptr<Db>>{};
}

Result<std::unique_ptr<Db>> open_or_rebuild(const Settings& settings, bool thorough, bool& rebuilt) {
  auto sound = open_sound(settings, thorough);
  if (!sound) return fail(sound);
  if (*sound) return std::move(**sound);
  if (auto made = rebuild(settings); !made) return fail(made);
  rebuilt = true;
  return open_checked(settings, false);
}

Mark mark_of(Db& db, const Settings& settings) {
  Mark mark{epoch_of(db),
            static_cast<std::uint64_t>(db.number("SELECT ifnull(max(seq), 0) FROM boot")),
            inode_of(settings.path),
            {},
            seal_of(settings.path)};
  auto query = db.query("SELECT stream, last_seq FROM stream");
  while (query.next())
    if (const auto stream = query.integer(0); stream >= 1 && stream <= 3)
      mark.last[static_cast<std::size_t>(stream) - 1] = static_cast<std::uint64_t>(query.integer(1));
  return mark;
}

/// Every stream counts from 1 again under a new name, and the newest event says so.
void renew_epoch(Db& db, const Settings& settings, Opened& opened) {
  db.execute("BEGIN IMMEDIATE");
  opened.kept = static_cast<std::uint64_t>(db.number("SELECT count(*) FROM outbox"));
  db.execute("DELETE FROM stream");
  db.execute("DELETE FROM meta WHERE key LIKE 'passed.%'");
  renumber(db, epoch_of(db));
  db.query("UPDATE meta SET value = ? WHERE key = 'epoch'").bind(random_hex(settings.random, 8)).run();
  Outbox outbox(db, 0);
  outbox.load();
  outbox.add({Stream::health, "storage.recovered", "",
              dump({{"kept", opened.kept}, {"lost", opened.lost}, {"set_aside", ""}, {"restored", true}})},
             settings.wall(), settings.mono());
  outbox.write_states();
  db.execute("COMMIT");
}

/// A file that was put in the place of the one this program closed last gets a new epoch.
void check_mark(Storage& storage, const Settings& settings) {
  const auto mark = read_mark(storage.lock.fd());
  const auto now = mark_of(*storage.db, settings);
  if (now.epoch.empty()) return;
  const auto missing = mark ? mark->missing_in(now) : std::optional<std::uint64_t>{};
  const bool brought = !mark && storage.lock.made();  // with an empty lock file an earlier version was here
  if (!missing && !brought) return;
  storage.opened.fresh = storage.opened.restored = true;
  storage.opened.lost = missing.value_or(0);
  renew_epoch(*storage.db, settings, storage.opened);
}

/// The epoch, new when the file is, and one more boot.
void register_boot(Storage& storage, const Settings& settings) {
  auto& db = *storage.db;
  storage.epoch = epoch_of(db);
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

/// The next opening will know that this was the last. A cut between the two marks leaves one that asks for no seal.
void seal(Storage& storage, const Settings& settings) {
  auto mark = mark_of(*storage.db, settings);
  mark.seal = 0;
  write_mark(storage.lock.fd(), mark);
  mark.seal = storage.seal = touch_seal(settings.path);
  write_mark(storage.lock.fd(), mark);
}

}  // namespace

std::string epoch_of(Db& db) {
  auto query = db.query("SELECT value FROM meta WHERE key = 'epoch'");
  return query.next() ? query.text(0) : "";
}

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
  const auto mono = std::chrono::duration_cast<std::chrono::milliseconds>(settings.mono().time_since_epoch());
  db.query("INSERT INTO boot (seq, boot_id, opened_ms, mono_ms) VALUES (?,?,?,?)")
      .bind(seq, settings.boot_id, unix_ms(settings.wall()), mono.count())
      .run();
}

void note_mark(const Storage& storage, const Settings& settings, const std::array<std::uint64_t, 3>& last) {
  write_mark(storage.lock.fd(), {storage.epoch, storage.boot_seq, inode_of(settings.path), last, storage.seal});
}

Result<LockFile> LockFile::take(const std::string& path) {
  const auto name = path + ".lock";
  const bool there = ::access(name.c_str(), F_OK) == 0;
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::fatal, "{}: {}", name, std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::close(fd);
    if (why == EWOULDBLOCK)
      return fail(Code::fatal, "{} is in use by another process (it holds {}); only one may write it", path, name);
    return fail(Code::fatal, "lock {}: {}", name, std::strerror(why));
  }
  return LockFile(fd, !there);
}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(made_, other.made_);
  return *this;
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Storage> open_storage(const Settings& settings) {
  auto lock = LockFile::take(settings.path);
  if (!lock) return fail(lock);
  Ballast::make_way(settings.path);
  Storage storage{std::move(*lock), nullptr, {}, {}, 0};
  try {
    auto rebuilt = resume_rebuild(settings);
    if (!rebuilt) return fail(rebuilt);
    auto db = open_or_rebuild(settings, damage_noted(storage.lock.fd()), *rebuilt);
    if (!db) return fail(db);
    forget_damage(storage.lock.fd());
    storage.db = std::move(*db);
    if (*rebuilt)
      storage.opened = rebuilt_from(*storage.db);
    else
      check_mark(storage, settings);
    register_boot(storage, settings);
    seal(storage, settings);
  } catch (const SqlError& error) {
    return fail(Code::fatal, "{}: {}", settings.path, error.what());
  }
  return storage;
}

}  // namespace foyer::ledger
