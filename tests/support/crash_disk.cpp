#include "support/crash_disk.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace foyer::test {

using Lock = std::lock_guard<std::mutex>;

/// SQLite's two tables of functions (sqlite3_vfs, sqlite3_io_methods) over a CrashDisk.
struct CrashVfs {
  struct Handle {
    sqlite3_file base;  // first: SQLite sees only this
    CrashDisk* disk;
    CrashDisk::File* file;
    std::shared_ptr<CrashDisk::File>* owner;
    std::string* name;
    int level;                 ///< SQLITE_LOCK_…
    std::uint32_t shm_shared;  ///< bits of the wal-index locks this handle holds
    std::uint32_t shm_exclusive;
  };
  static CrashDisk& disk(sqlite3_vfs* vfs) { return *static_cast<CrashDisk*>(vfs->pAppData); }
  static Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

  // ---- files ---------------------------------------------------------------------------------------------------

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* out, int flags, int* flags_out) {
    auto& self = disk(vfs);
    const Lock lock(self.mutex_);
    auto& opened = handle(out);
    std::memset(out, 0, sizeof(Handle));
    const std::string name = path != nullptr ? path : "temporary";
    if (!self.files_.contains(name)) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      self.files_.emplace(name, std::make_shared<CrashDisk::File>());
    }
    opened.disk = &self;
    opened.owner = new std::shared_ptr<CrashDisk::File>(self.files_.at(name));
    opened.name = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0 ? new std::string(name) : nullptr;
    opened.file = opened.owner->get();
    opened.file->locks.push_back(&opened.level);
    opened.base.pMethods = &kMethods;
    if (flags_out != nullptr) *flags_out = flags;
    return SQLITE_OK;
  }
  static int close(sqlite3_file* file) {
    auto& h = handle(file);
    {
      const Lock lock(h.disk->mutex_);
      std::erase(h.file->locks, &h.level);
      if (h.name != nullptr) h.disk->files_.erase(*h.name);
    }
    delete h.name;
    delete h.owner;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* path, int) {
    auto& self = disk(vfs);
    const Lock lock(self.mutex_);
    return self.files_.erase(path) != 0 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
  }
  static int access(sqlite3_vfs* vfs, const char* path, int, int* found) {
    auto& self = disk(vfs);
    const Lock lock(self.mutex_);
    *found = self.files_.contains(path) ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
    const char* last = std::strrchr(path, '/');
    sqlite3_snprintf(size, out, "%s", last != nullptr ? last + 1 : path);
    return SQLITE_OK;
  }

  // ---- reading and writing -------------------------------------------------------------------------------------

  static int read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
    auto& h = handle(file);
    const Lock lock(h.disk->mutex_);
    const auto& content = h.file->current;
    const auto at = static_cast<std::size_t>(offset), wanted = static_cast<std::size_t>(count);
    const std::size_t there = at < content.size() ? std::min(wanted, content.size() - at) : 0;
    if (there > 0) content.read(at, static_cast<char*>(out), there);
    if (there == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int change(Handle& h, CrashDisk::Write write) {
    CrashDisk::apply(h.file->current, write);
    h.file->unsynced.push_back(std::move(write));
    return SQLITE_OK;
  }
  static int write(sqlite3_file* file, const void* data, int count, sqlite3_int64 offset) {
    auto& h = handle(file);
    const Lock lock(h.disk->mutex_);
    ++h.disk->counts_.writes;
    h.disk->counts_.bytes += static_cast<std::uint64_t>(count);
    if (const int code = h.disk->failing(CrashDisk::Operation::write); code != SQLITE_OK) return code;
    const auto at = static_cast<std::size_t>(offset), end = at + static_cast<std::size_t>(count);
    if (end > h.file->current.size() && h.disk->capacity_ != UINT64_MAX) {
      std::uint64_t used = end - h.file->current.size();
      for (const auto& [name, one] : h.disk->files_) used += one->current.size();
      if (used > h.disk->capacity_) return SQLITE_FULL;
    }
    return change(h, {at, std::string(static_cast<const char*>(data), static_cast<std::size_t>(count)), false});
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    auto& h = handle(file);
    const Lock lock(h.disk->mutex_);
    return change(h, {static_cast<std::size_t>(size), {}, true});
  }
  static int sync(sqlite3_file* file, int) {
    auto& h = handle(file);
    std::function<void()> told;
    {
      const Lock lock(h.disk->mutex_);
      told = h.disk->on_sync_;
    }
    if (told) told();
    const Lock lock(h.disk->mutex_);
    ++h.disk->counts_.syncs;
    const int code = h.disk->failing(CrashDisk::Operation::sync);
    if (code == SQLITE_OK)
      for (const auto& one : h.file->unsynced) CrashDisk::apply(h.file->durable, one);
    h.file->unsynced.clear();  // after a failure too: the kernel has marked the pages clean
    return code;
  }
  static int size(sqlite3_file* file, sqlite3_int64* out) {
    auto& h = handle(file);
    const Lock lock(h.disk->mutex_);
    *out = static_cast<sqlite3_int64>(h.file->current.size());
    return SQLITE_OK;
  }

  // ---- locks: of the file, and of the wal-index ----------------------------------------------------------------

  static int others(const Handle& h) {
    int highest = SQLITE_LOCK_NONE;
    for (const int* level : h.file->locks)
      if (level != &h.level) highest = std::max(highest, *level);
    return highest;
  }
  static int lock(sqlite3_file* file, int level) {
    auto& h = handle(file);
    const Lock guard(h.disk->mutex_);
    const int other = others(h);
    const bool free = level == SQLITE_LOCK_SHARED      ? other < SQLITE_LOCK_PENDING
                      : level == SQLITE_LOCK_EXCLUSIVE ? other < SQLITE_LOCK_SHARED
                                                       : other < SQLITE_LOCK_RESERVED;
    if (!free) return SQLITE_BUSY;
    h.level = std::max(h.level, level);
    return SQLITE_OK;
  }
  static int unlock(sqlite3_file* file, int level) {
    auto& h = handle(file);
    const Lock guard(h.disk->mutex_);
    h.level = std::min(h.level, level);
    return SQLITE_OK;
  }
  static int reserved(sqlite3_file* file, int* out) {
    auto& h = handle(file);
    const Lock guard(h.disk->mutex_);
    *out = others(h) >= SQLITE_LOCK_RESERVED ? 1 : 0;
    return SQLITE_OK;
  }
  static int shm_map(sqlite3_file* file, int region, int, int extend, void volatile** out) {
    auto& h = handle(file);
    const Lock guard(h.disk->mutex_);
    auto& regions = h.file->shared;
    while (extend != 0 && regions.size() <= static_cast<std::size_t>(region))
      regions.push_back(std::make_unique<std::array<char, 32768>>());
    const bool there = static_cast<std::size_t>(region) < regions.size();
    *out = there ? regions[static_cast<std::size_t>(region)]->data() : nullptr;
    return SQLITE_OK;
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    auto& h = handle(file);
    const Lock guard(h.disk->mutex_);
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0, take = (flags & SQLITE_SHM_LOCK) != 0;
    for (int i = offset; take && i < offset + count; ++i) {
      const auto n = static_cast<std::size_t>(i);
      const int own = (h.shm_shared >> n) & 1u ? 1 : 0;
      const bool held = h.file->writer[n] && ((h.shm_exclusive >> n) & 1u) == 0;
      if (held || (exclusive && h.file->readers[n] > own)) return SQLITE_BUSY;
    }
    for (int i = offset; i < offset + count; ++i) {
      const auto n = static_cast<std::size_t>(i);
      auto& mine = exclusive ? h.shm_exclusive : h.shm_shared;
      const bool had = ((mine >> n) & 1u) != 0;
      if (had == take) continue;
      mine ^= 1u << n;
      if (exclusive)
        h.file->writer[n] = take;
      else
        h.file->readers[n] += take ? 1 : -1;
    }
    return SQLITE_OK;
  }
  static void shm_barrier(sqlite3_file* file) { const Lock guard(handle(file).disk->mutex_); }
  static int shm_unmap(sqlite3_file* file, int remove) {
    auto& h = handle(file);
    const Lock guard(h.disk->mutex_);
    for (std::size_t n = 0; n < SQLITE_SHM_NLOCK; ++n) {
      if (((h.shm_shared >> n) & 1u) != 0) --h.file->readers[n];
      if (((h.shm_exclusive >> n) & 1u) != 0) h.file->writer[n] = false;
    }
    h.shm_shared = h.shm_exclusive = 0;
    if (remove != 0) h.file->shared.clear();
    return SQLITE_OK;
  }

  // ---- what is said of the disk --------------------------------------------------------------------------------

  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file* file) { return static_cast<int>(handle(file).disk->traits_.sector); }
  static int characteristics(sqlite3_file* file) {
    return handle(file).disk->traits_.powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
  }

  static inline const sqlite3_io_methods kMethods = {
      2,         close,    read,    write,       truncate,        sync,    size,     lock,
      unlock,    reserved, control, sector_size, characteristics, shm_map, shm_lock, shm_barrier,
      shm_unmap, nullptr,  nullptr};

  static std::unique_ptr<sqlite3_vfs> make(CrashDisk& disk, const char* name) {
    auto vfs = std::make_unique<sqlite3_vfs>(*sqlite3_vfs_find(nullptr));  // clock, sleep and randomness: the system's
    vfs->iVersion = 1;
    vfs->szOsFile = sizeof(Handle);
    vfs->mxPathname = 1024;
    vfs->pNext = nullptr;
    vfs->zName = name;
    vfs->pAppData = &disk;
    vfs->xOpen = open;
    vfs->xDelete = remove;
    vfs->xAccess = access;
    vfs->xFullPathname = full_path;
    return vfs;
  }
};

namespace {

std::string next_name() {
  static std::atomic<int> made{0};
  return "crash-" + std::to_string(++made);
}

}  // namespace

CrashDisk::CrashDisk(Traits traits) : traits_(traits), name_(next_name()) {
  sqlite3_initialize();
  registered_ = CrashVfs::make(*this, name_.c_str());
  sqlite3_vfs_register(registered_.get(), 0);
}

CrashDisk::~CrashDisk() { sqlite3_vfs_unregister(registered_.get()); }

void CrashDisk::Content::resize(std::size_t size) {
  if (size < size_ && size % kPage != 0) {
    const std::string zeros(kPage - size % kPage, '\0');
    const auto old = size_;
    size_ = (size / kPage + 1) * kPage;
    write(size, zeros.data(), std::min(zeros.size(), std::max(old, size) - size));
  }
  size_ = size;
  pages_.resize((size + kPage - 1) / kPage);
}

void CrashDisk::Content::read(std::size_t at, char* out, std::size_t count) const {
  while (count > 0) {
    const std::size_t within = at % kPage, step = std::min(count, kPage - within);
    if (const auto& page = pages_[at / kPage])
      std::memcpy(out, page->data() + within, step);
    else
      std::memset(out, 0, step);
    at += step, out += step, count -= step;
  }
}

void CrashDisk::Content::write(std::size_t at, const char* data, std::size_t count) {
  if (at + count > size_) resize(at + count);
  while (count > 0) {
    const std::size_t within = at % kPage, step = std::min(count, kPage - within);
    auto& page = pages_[at / kPage];
    if (!page)
      page = std::make_shared<Page>();
    else if (page.use_count() > 1)
      page = std::make_shared<Page>(*page);
    std::memcpy(page->data() + within, data, step);
    at += step, data += step, count -= step;
  }
}

void CrashDisk::apply(Content& content, const Write& write) {
  if (write.truncate) return content.resize(write.at);
  content.write(write.at, write.bytes.data(), write.bytes.size());
}

std::unique_ptr<CrashDisk> CrashDisk::after_kill() const {
  auto next = std::make_unique<CrashDisk>(traits_);
  const Lock lock(mutex_);
  for (const auto& [name, file] : files_) {
    auto copy = std::make_shared<File>();
    copy->durable = copy->current = file->current;
    next->files_.emplace(name, std::move(copy));
  }
  return next;
}

void CrashDisk::tear(Content& content, const Write& write, std::mt19937_64& random) const {
  const std::size_t end = write.at + write.bytes.size();
  for (std::size_t sector = write.at / traits_.sector * traits_.sector; sector < end; sector += traits_.sector) {
    const std::size_t from = std::max(sector, write.at), to = std::min(sector + traits_.sector, end);
    const auto fate = random() % 3;
    if (fate == 0) continue;
    content.write(from, write.bytes.data() + (from - write.at), to - from);
    if (fate == 1) continue;
    const std::size_t noise_from = traits_.powersafe ? from : sector;
    const std::size_t noise_to = traits_.powersafe ? to : std::min(sector + traits_.sector, content.size());
    std::string noise(noise_to - noise_from + 8, '\0');
    for (std::size_t i = 0; i + 8 <= noise.size(); i += 8) {
      const std::uint64_t word = random();
      std::memcpy(noise.data() + i, &word, 8);
    }
    content.write(noise_from, noise.data(), noise_to - noise_from);
  }
}

std::unique_ptr<CrashDisk> CrashDisk::after_cut(std::uint64_t seed) const {
  auto next = std::make_unique<CrashDisk>(traits_);
  std::mt19937_64 random(seed);
  const Lock lock(mutex_);
  for (const auto& [name, file] : files_) {
    auto copy = std::make_shared<File>();
    copy->durable = file->durable;
    for (const auto& write : file->unsynced) {
      const auto fate = random() % 3;
      if (fate == 0) apply(copy->durable, write);
      if (fate == 1 && !write.truncate) tear(copy->durable, write, random);
    }
    copy->current = copy->durable;
    next->files_.emplace(name, std::move(copy));
  }
  return next;
}

void CrashDisk::on_sync(std::function<void()> fn) {
  const Lock lock(mutex_);
  on_sync_ = std::move(fn);
}

void CrashDisk::fail(Operation operation, std::uint64_t nth, int code, std::uint64_t times) {
  const Lock lock(mutex_);
  faults_[static_cast<std::size_t>(operation)] = {nth, times, code};
}

int CrashDisk::failing(Operation operation) {
  auto& fault = faults_[static_cast<std::size_t>(operation)];
  if (fault.times == 0 || --fault.countdown > 0) return SQLITE_OK;
  fault.countdown = 1;
  --fault.times;
  return fault.code;
}

void CrashDisk::set_capacity(std::uint64_t bytes) {
  const Lock lock(mutex_);
  capacity_ = bytes;
}

CrashDisk::Counts CrashDisk::counts() const {
  const Lock lock(mutex_);
  return counts_;
}

}  // namespace foyer::test
