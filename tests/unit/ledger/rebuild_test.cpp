// A damaged file is recovered by a process that is cut off at any write, or that finds no room.
#include "ledger/rebuild.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "ledger/storage.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

namespace fs = std::filesystem;

constexpr int kCut = 77;  // the exit status of a process that was cut off

/// SQLite's own file system, whose process ends at the n-th write.
class CuttingVfs {
 public:
  static constexpr const char* kName = "foyer-cutting";
  static inline std::atomic<long>* writes = nullptr;  ///< shared with the parent
  static inline long cut_at = 0;

  static void install() {
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = kName;
    vfs_.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      const int code = real_->xOpen(real_, name, file, flags, out);
      if (code != SQLITE_OK || file->pMethods == nullptr) return code;
      if (original_ == nullptr) {
        original_ = file->pMethods;
        methods_ = *original_;
        methods_.xWrite = &CuttingVfs::write;
      }
      if (file->pMethods == original_) file->pMethods = &methods_;
      return code;
    };
    sqlite3_vfs_register(&vfs_, 0);
    if (writes == nullptr) {
      void* shared = ::mmap(nullptr, sizeof *writes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
      if (shared == MAP_FAILED) std::terminate();
      writes = new (shared) std::atomic<long>(0);
    }
  }

 private:
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
    if (++*writes == cut_at) ::_exit(kCut);
    return original_->xWrite(file, data, size, at);
  }
  static inline sqlite3_vfs* real_ = nullptr;
  static inline sqlite3_vfs vfs_{};
  static inline const sqlite3_io_methods* original_ = nullptr;
  static inline sqlite3_io_methods methods_{};
};

class RebuildTest : public World {
 protected:
  static constexpr int kDraws = 300;

  /// A file with one overwritten page, and its log, in which the last draw is.
  void damage_one() {
    open();
    apply({sure_win()});
    in_parallel(8, [&](int t) {
      for (int i = t; i < kDraws; i += 8)
        EXPECT_TRUE(ledger_->draw(shake(fmt::format("n{}", i), fmt::format("s{}", i)), kDeadline));
    });
    open();
    draw("in-the-log", "late");
    damaged_[""] = test::slurp(path());
    damaged_["-wal"] = test::slurp(path() + "-wal");
    ledger_.reset();
    ASSERT_FALSE(damaged_["-wal"].empty());
    auto& content = damaged_[""];
    std::vector<std::size_t> leaves;  // of the outbox: file format 1.6, a leaf page begins with 0x0a
    for (std::size_t at = 1; at < content.size() / 4096; ++at)
      if (content[at * 4096] == '\x0a' && content.substr(at * 4096, 4096).find("coupon.issued") != std::string::npos)
        leaves.push_back(at);
    ASSERT_GT(leaves.size(), 10u);
    content.replace(leaves[leaves.size() / 2] * 4096, 4096, std::string(4096, '\xa5'));
  }
  void lay_out() {
    ledger_.reset();
    for (const auto& entry : fs::directory_iterator(dir_)) fs::remove(entry.path());
    for (const auto& [suffix, content] : damaged_)
      std::ofstream(path() + suffix, std::ios::binary | std::ios::trunc) << content;
  }
  /// What must hold however often the recovery was begun.
  void expect_recovered() {
    EXPECT_EQ(count(Stream::health, "storage.recovered"), 1u);
    EXPECT_EQ(last(Stream::health, "storage.recovered"), told_);
    EXPECT_EQ(ledger_->campaigns(kDeadline).value().size(), 1u);
    EXPECT_EQ(ledger_->coupons_of("late", kDeadline).value().size(), 1u) << "it was in the log";
    EXPECT_EQ(known(), kDraws);
    expect_no_gaps(Stream::ledger);
    expect_no_gaps(Stream::health);
    EXPECT_EQ(test::slurp(path() + ".damaged-1"), damaged_[""]);
    EXPECT_EQ(test::slurp(path() + ".damaged-1-wal"), damaged_["-wal"]);
    std::set<std::string> files;
    for (const auto& entry : fs::directory_iterator(dir_)) files.insert(entry.path().filename());
    for (const auto* mine :
         {"foyer.db", "foyer.db-wal", "foyer.db-shm", "foyer.db.lock", "foyer.db.seal", "foyer.db.ballast",
          "foyer.db.damaged-1", "foyer.db.damaged-1-wal", "foyer.db.damaged-1-shm"})
      files.erase(mine);
    EXPECT_TRUE(files.empty()) << *files.begin() << " was left";
  }
  int known() {
    int known = 0;
    for (int i = 0; i < kDraws; ++i) known += !ledger_->coupons_of(fmt::format("s{}", i), kDeadline).value().empty();
    return known;
  }
  /// Recovers once without being disturbed.
  void recover_whole() {
    lay_out();
    open();
    EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
    EXPECT_TRUE(ledger_->opened().fresh);
    EXPECT_GT(ledger_->opened().lost, 0u);
    told_ = last(Stream::health, "storage.recovered");
    EXPECT_EQ(told_["kept"], ledger_->opened().kept);
    expect_recovered();
  }
  /// Opens in a process of its own that ends at write `cut_at`; its exit status.
  int open_and_cut(long cut_at) {
    *CuttingVfs::writes = 0;
    const pid_t child = ::fork();
    if (child == 0) {
      CuttingVfs::cut_at = cut_at;
      auto own = settings();
      own.vfs = CuttingVfs::kName;
      const auto storage = open_storage(own);
      ::_exit(storage ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::map<std::string, std::string> damaged_;
  nlohmann::json told_;
};

TEST_F(RebuildTest, CutOffAtAnyWriteTheNextStartHasItAll) {
  CuttingVfs::install();
  damage_one();
  recover_whole();
  lay_out();
  ASSERT_EQ(open_and_cut(0), 0);
  const long writes = *CuttingVfs::writes;
  ASSERT_GT(writes, 100);
  constexpr long kTimes = 40;
  for (long i = 0; i < kTimes; ++i) {
    lay_out();
    const long cut_at = 1 + i * (writes - 1) / (kTimes - 1);
    ASSERT_EQ(open_and_cut(cut_at), kCut);
    open();
    expect_recovered();
    if (HasFailure()) FAIL() << "cut at write " << cut_at << " of " << writes;
  }
}

TEST_F(RebuildTest, CutOffWhileFilesAreRenamedTheNextStartGoesOn) {
  damage_one();
  const auto move = [this](const std::string& from, const std::string& to) { fs::rename(path() + from, path() + to); };
  for (const int moved : {0, 1, 2}) {  // of the damaged files
    recover_whole();
    const auto opened = ledger_->opened();
    const auto epoch = ledger_->epoch();
    ledger_.reset();
    move("", ".recovered-1");
    if (moved < 1) move(".damaged-1", "");
    if (moved < 2) move(".damaged-1-wal", "-wal");
    open();
    EXPECT_EQ(ledger_->epoch(), epoch);
    EXPECT_EQ(ledger_->opened().set_aside, opened.set_aside);
    EXPECT_EQ(ledger_->opened().kept, opened.kept);
    EXPECT_EQ(ledger_->opened().lost, opened.lost);
    expect_recovered();
    open();
    EXPECT_TRUE(ledger_->opened().set_aside.empty()) << "told once";
  }
}

TEST_F(RebuildTest, WhatAnUnfinishedOneLeftIsNotTakenForTheFile) {
  open();
  apply({sure_win()});
  ledger_.reset();
  fs::copy_file(path(), path() + ".new");
  std::ofstream(path() + ".new-room") << "room";
  open();
  EXPECT_FALSE(ledger_->opened().fresh);
  EXPECT_FALSE(fs::exists(path() + ".new"));
  EXPECT_FALSE(fs::exists(path() + ".new-room"));
}

TEST_F(RebuildTest, WithoutRoomForAllItKeepsWhatFitsAndSaysSo) {
  damage_one();
  recover_whole();
  const auto all = ledger_->opened();
  lay_out();
  auto small = settings();
  small.max_bytes = 108 * 4096;
  ASSERT_LT(small.max_bytes, damaged_[""].size());
  open(small);
  const auto& opened = ledger_->opened();
  EXPECT_EQ(opened.set_aside, path() + ".damaged-1");
  EXPECT_GT(opened.kept, 100u);
  EXPECT_LT(opened.kept, all.kept);
  EXPECT_GE(opened.kept + opened.lost, all.kept + all.lost - 1);
  const auto event = last(Stream::health, "storage.recovered");
  EXPECT_EQ(event["kept"], opened.kept);
  EXPECT_EQ(event["lost"], opened.lost);
  EXPECT_EQ(ledger_->campaigns(kDeadline).value().size(), 1u);
  EXPECT_GT(known(), 10);
  expect_no_gaps(Stream::ledger);
  expect_no_gaps(Stream::health);
}

}  // namespace
}  // namespace foyer::ledger
