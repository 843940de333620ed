#include "ledger/rebuild.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "ledger/codec.hpp"
#include "ledger/migrate.hpp"
#include "ledger/outbox.hpp"
#include "ledger/reserve.hpp"
#include "ledger/storage.hpp"

namespace foyer::ledger {
namespace {

namespace fs = std::filesystem;

// Left over when rows no longer fit, for what must still be written: of the file's largest size, and of the disk's (the
// log and its index need some to begin with).
constexpr std::int64_t kReservePages = 8;
constexpr std::int64_t kReserveShare = 16;  // or a 16th of the pages
constexpr std::int64_t kBallastBytes = 1 << 20;

std::string building(const std::string& path) { return path + ".new"; }
std::string ballast(const std::string& path) { return path + ".new-room"; }
std::string finished(const std::string& path, int n) { return fmt::format("{}.recovered-{}", path, n); }
std::string aside(const std::string& path, int n) { return fmt::format("{}.damaged-{}", path, n); }

Result<void> sync(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Code::fatal, "{}: {}", path, std::strerror(errno));
  const bool good = ::fsync(fd) == 0;
  const int why = errno;
  ::close(fd);
  if (!good) return fail(Code::fatal, "fsync {}: {}", path, std::strerror(why));
  return {};
}

fs::path folder_of(const std::string& path) {
  const auto folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

Result<void> move_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return fail(Code::fatal, "{} cannot be renamed to {}: {}", from, to, std::strerror(errno));
}

Result<void> remove_unfinished(const std::string& path) {
  for (const auto& file :
       {building(path), building(path) + "-journal", building(path) + "-wal", building(path) + "-shm", ballast(path)})
    if (::unlink(file.c_str()) != 0 && errno != ENOENT)
      return fail(Code::fatal, "{} cannot be removed: {}", file, std::strerror(errno));
  return {};
}

/// What did not become complete takes no room until the next start.
class Unfinished {
 public:
  explicit Unfinished(const std::string& path) : path_(path) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() { (void)remove_unfinished(path_).has_value(); }

 private:
  const std::string& path_;
};

/// The number of a complete rebuild that waits to be put in place; nullopt: none.
Result<std::optional<int>> waiting(const std::string& path) {
  const auto prefix = fs::path(finished(path, 0)).filename().string();
  const auto stem = std::string_view(prefix).substr(0, prefix.size() - 1);
  std::optional<int> found;
  std::error_code error;
  for (fs::directory_iterator at(folder_of(path), error), end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    if (!name.starts_with(stem)) continue;
    int n = 0;
    const auto [stopped, fault] = std::from_chars(name.data() + stem.size(), name.data() + name.size(), n);
    if (fault == std::errc{} && stopped == name.data() + name.size()) found = std::max(n, found.value_or(n));
  }
  if (error) return fail(Code::fatal, "{}: {}", folder_of(path).string(), error.message());
  return found;
}

/// Can be cut and done again anywhere: while `finished` is there, what is at `path` is the damaged file or a part of
/// it.
Result<void> put_in_place(const std::string& path, int n) {
  const auto folder = folder_of(path).string();
  std::error_code error;
  for (const char* suffix : {"", "-wal", "-shm"})
    if (fs::exists(path + suffix, error))
      if (auto moved = move_file(path + suffix, aside(path, n) + suffix); !moved) return moved;
  // Never the new file beside the old log, whatever order the file system keeps.
  if (auto synced = sync(folder); !synced) return synced;
  if (auto moved = move_file(finished(path, n), path); !moved) return moved;
  return sync(folder);
}

int free_number(const std::string& path) {
  std::error_code error;
  int n = 1;
  while (fs::exists(aside(path, n), error) || fs::exists(finished(path, n), error)) ++n;
  return n;
}

Result<void> take_ballast(const std::string& path) {
  if (auto taken = allocate(ballast(path), kBallastBytes); !taken)
    return fail(Code::fatal, "{} is damaged and there is no room to recover it: {}; it was left where it is", path,
                taken.error().message);
  return {};
}

void limit_pages(Db& db, std::int64_t pages) { db.execute(fmt::format("PRAGMA max_page_count = {}", pages)); }

Json told(const Opened& opened) {
  return {{"kept", opened.kept}, {"lost", opened.lost}, {"set_aside", opened.set_aside}};
}

/// The streams count from 1, the file gets its epoch, and what happened becomes its newest event: one transaction.
void conclude(Db& db, const Settings& settings, const Opened& opened, const std::string& epoch_before) {
  db.execute("BEGIN IMMEDIATE");
  renumber(db, epoch_before);
  Outbox outbox(db, 1);
  outbox.load();
  outbox.add({Stream::health, "storage.recovered", "", dump(told(opened))}, settings.wall(), settings.mono());
  outbox.write_states();
  auto insert = db.query("INSERT INTO meta (key, value) VALUES (?, ?)");
  insert.bind("epoch", random_hex(settings.random, 8)).run();
  insert.again();
  insert.bind("recovered", dump(told(opened))).run();
  db.execute("COMMIT");
}

/// Where even the reserve was too small, health and then presence go: what is told last must fit.
void conclude_in_room(Db& db, const Settings& settings, Opened& opened, const std::string& epoch_before) {
  for (const auto stream : {Stream::health, Stream::presence}) {
    try {
      return conclude(db, settings, opened, epoch_before);
    } catch (const SqlError& error) {
      if (!error.full()) throw;
      if (db.in_transaction()) db.execute("ROLLBACK");
    }
    db.query("DELETE FROM outbox WHERE stream = ?").bind(static_cast<std::int64_t>(stream)).run();
    const auto gone = std::min(opened.kept, static_cast<std::uint64_t>(db.changes()));
    opened.kept -= gone;
    opened.lost += gone;
  }
  conclude(db, settings, opened, epoch_before);
}

/// Without a log and without fsync: until it is complete and synced as a whole, the file counts for nothing.
Result<void> fill(const Settings& settings, Opened& opened) {
  const auto name = building(settings.path);
  if (auto created = create_private(name); !created) return created;
  if (auto taken = take_ballast(settings.path); !taken) return taken;
  Db db(name, Db::Mode::read_write, settings.vfs);
  db.execute(
      fmt::format("PRAGMA page_size = {}; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; "
                  "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY",
                  kPageSize));
  if (auto migrated = migrate(db); !migrated) return migrated;
  const auto pages = most_pages(settings);
  limit_pages(db, pages - std::max(kReservePages, pages / kReserveShare));
  const auto epoch_before = carry_over(db, settings.path, settings.vfs, opened);
  ::unlink(ballast(settings.path).c_str());
  limit_pages(db, pages);
  conclude_in_room(db, settings, opened, epoch_before);
  return {};
}

}  // namespace

Result<bool> resume_rebuild(const Settings& settings) {
  if (auto removed = remove_unfinished(settings.path); !removed) return fail(removed);
  const auto n = waiting(settings.path);
  if (!n) return fail(n);
  if (!*n) return false;
  if (auto placed = put_in_place(settings.path, **n); !placed) return fail(placed);
  return true;
}

Result<void> rebuild(const Settings& settings) {
  const auto& path = settings.path;
  const int n = free_number(path);
  Opened opened;
  opened.set_aside = aside(path, n);
  auto made = remove_unfinished(path);
  const Unfinished unfinished(path);
  if (made) made = fill(settings, opened);
  if (made) made = sync(building(path));
  if (made) made = move_file(building(path), finished(path, n));
  if (made) made = sync(folder_of(path).string());
  if (made) made = put_in_place(path, n);
  return made;
}

Opened rebuilt_from(Db& db) {
  Opened opened;
  auto query = db.query("SELECT value FROM meta WHERE key = 'recovered'");
  if (!query.next()) return opened;
  const auto json = Json::parse(query.text(0), nullptr, false);
  if (!json.is_object()) return opened;
  opened.fresh = true;
  opened.kept = json.value("kept", std::uint64_t{0});
  opened.lost = json.value("lost", std::uint64_t{0});
  opened.set_aside = json.value("set_aside", std::string());
  return opened;
}

}  // namespace foyer::ledger
