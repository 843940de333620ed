// A file with places that cannot be read, or that are nonsense where only a thorough look finds it.
#include <sqlite3.h>

#include <fstream>
#include <map>

#include "ledger/mark.hpp"
#include "ledger/storage.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

/// SQLite's own file system, on which some bytes of one file cannot be read: the kernel says EIO.
class BadSectors {
 public:
  static constexpr const char* kName = "foyer-bad-sectors";
  struct Place {
    std::uint64_t inode = 0;  ///< a file that is put in its place has none of it
    sqlite3_int64 from = 0, to = 0;
    int times = 1 << 30;  ///< so often, then it can be read again
  };
  static inline std::vector<Place> places;

  static void install() {
    if (real_ != nullptr) return;
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = kName;
    vfs_.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      const int code = real_->xOpen(real_, name, file, flags, out);
      if (code != SQLITE_OK || file->pMethods == nullptr) return code;
      auto& own = methods_[file->pMethods];
      if (own.real == nullptr) {
        own.real = file->pMethods;
        own.methods = *file->pMethods;
        own.methods.xRead = &BadSectors::read;
      }
      inodes_[file] = name != nullptr ? inode_of(name) : 0;
      file->pMethods = &own.methods;
      return code;
    };
    sqlite3_vfs_register(&vfs_, 0);
  }

 private:
  struct Methods {
    sqlite3_io_methods methods{};  // first: SQLite sees only this
    const sqlite3_io_methods* real = nullptr;
  };
  static int read(sqlite3_file* file, void* out, int count, sqlite3_int64 at) {
    for (auto& place : places)
      if (inodes_[file] == place.inode && at < place.to && at + count > place.from && place.times-- > 0)
        return SQLITE_IOERR_CORRUPTFS;
    return reinterpret_cast<const Methods*>(file->pMethods)->real->xRead(file, out, count, at);
  }
  static inline sqlite3_vfs* real_ = nullptr;
  static inline sqlite3_vfs vfs_{};
  static inline std::map<const sqlite3_io_methods*, Methods> methods_;
  static inline std::map<sqlite3_file*, std::uint64_t> inodes_;
};

class Damage : public World {
 protected:
  static constexpr int kDraws = 400;

  Damage() { BadSectors::install(); }
  ~Damage() override { BadSectors::places.clear(); }

  Settings on_bad_sectors() {
    auto settings = this->settings();
    settings.vfs = BadSectors::kName;
    return settings;
  }
  /// Wins of so many, in a file that was closed.
  void fill() {
    open();
    apply({sure_win()});
    in_parallel(8, [&](int t) {
      for (int i = t; i < kDraws; i += 8)
        EXPECT_TRUE(ledger_->draw(shake(fmt::format("n{}", i), fmt::format("s{}", i)), kDeadline));
    });
    ledger_.reset();
  }
  int known() {
    int known = 0;
    for (int i = 0; i < kDraws; ++i) known += !ledger_->coupons_of(fmt::format("s{}", i), kDeadline).value().empty();
    return known;
  }
  /// Leaves of the outbox, by page: file format 1.6, the leaf page of a table without rowid begins with 0x0a.
  std::vector<std::size_t> outbox_leaves() const {
    const auto all = test::slurp(path());
    std::vector<std::size_t> leaves;
    for (std::size_t at = 1; at < all.size() / 4096; ++at)
      if (all[at * 4096] == '\x0a' && all.substr(at * 4096, 4096).find("coupon.issued") != std::string::npos)
        leaves.push_back(at);
    return leaves;
  }
  void raw(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open_v2(path().c_str(), &db, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    char* why = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &why), SQLITE_OK) << (why != nullptr ? why : "");
    sqlite3_free(why);
    sqlite3_close(db);
  }
};

// The commonest fault of a card: the start ended with an I/O error, and so did every one after it.
TEST_F(Damage, APageThatCannotBeReadIsRebuiltAround) {
  fill();
  const auto leaves = outbox_leaves();
  ASSERT_GT(leaves.size(), 10u);
  const auto bad = static_cast<sqlite3_int64>(leaves[leaves.size() / 2]) * 4096;
  BadSectors::places = {{inode_of(path()), bad, bad + 512}};
  open(on_bad_sectors());
  EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
  EXPECT_GT(ledger_->opened().lost, 0u);
  EXPECT_EQ(known(), kDraws);
  EXPECT_GT(count(Stream::ledger, "shake.won"), static_cast<std::size_t>(kDraws) - 40);
  EXPECT_EQ(count(Stream::health, "storage.recovered"), 1u);
  expect_no_gaps(Stream::ledger);
  EXPECT_EQ(draw("after").result, campaign::DrawAnswer::Result::won);
}

// All that lay between two damaged places was lost with them.
TEST_F(Damage, ManyPagesThatCannotBeReadLoseOnlyWhatWasOnThem) {
  fill();
  const auto leaves = outbox_leaves();
  constexpr std::size_t kBad = 4;
  ASSERT_GT(leaves.size(), 3 * kBad);
  for (std::size_t i = 1; i <= kBad; ++i) {
    const auto bad = static_cast<sqlite3_int64>(leaves[i * leaves.size() / (kBad + 1)]) * 4096;
    BadSectors::places.push_back({inode_of(path()), bad, bad + 4096});
  }
  open(on_bad_sectors());
  EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
  const auto each = 2 * static_cast<std::size_t>(kDraws) / leaves.size() + 2;
  EXPECT_GE(events(Stream::ledger).size(), 2 * static_cast<std::size_t>(kDraws) - kBad * each * 3 / 2);
  EXPECT_EQ(known(), kDraws);
  expect_no_gaps(Stream::ledger);
}

TEST_F(Damage, TheFirstPageToo) {
  fill();
  BadSectors::places = {{inode_of(path()), 0, 512}};
  open(on_bad_sectors());
  EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
  EXPECT_GT(ledger_->opened().lost, 0u);
  apply({sure_win()});
  EXPECT_EQ(draw("after").result, campaign::DrawAnswer::Result::won);
}

TEST_F(Damage, ALogThatCannotBeReadLosesTheLogAlone) {
  fill();
  open();
  draw("in-the-log", "late");
  const auto wal = path() + "-wal";
  std::filesystem::copy_file(path(), dir_ + "/copy");
  std::filesystem::copy_file(wal, dir_ + "/copy-wal");
  ledger_.reset();
  std::filesystem::rename(dir_ + "/copy", path());
  std::filesystem::rename(dir_ + "/copy-wal", wal);
  ASSERT_GT(std::filesystem::file_size(wal), 4096u);
  BadSectors::places = {{inode_of(wal), 0, 512}};
  open(on_bad_sectors());
  EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
  EXPECT_EQ(known(), kDraws);
  EXPECT_TRUE(ledger_->coupons_of("late", kDeadline).value().empty()) << "it was in the log";
}

TEST_F(Damage, APlaceThatCanBeReadTheNextTimeIsNoDamage) {
  fill();
  open();
  const auto epoch = ledger_->epoch();
  ledger_.reset();
  BadSectors::places = {{inode_of(path()), 0, 512, 1}};
  open(on_bad_sectors());
  EXPECT_TRUE(ledger_->opened().set_aside.empty());
  EXPECT_EQ(ledger_->epoch(), epoch);
}

// quick_check does not compare an index with its table: the damage was met by the first who used it, the process ended,
// and every start said that all was well.
TEST_F(Damage, MetWhileRunningIsRebuiltAtTheNextStart) {
  fill();
  raw("PRAGMA writable_schema = ON; CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'coupon_expiry';"
      "DELETE FROM sqlite_schema WHERE name = 'coupon_expiry'");
  raw("UPDATE coupon SET expires_ms = expires_ms + 1000");
  raw("PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM kept");
  raw("DROP TABLE kept");
  std::atomic<std::int64_t> later{0};
  auto swept = settings();
  swept.mono = [&later, usual = swept.mono] { return usual() + std::chrono::hours(later); };
  open(swept);
  EXPECT_TRUE(ledger_->opened().set_aside.empty()) << "the quick look sees nothing";
  pass(std::chrono::hours(25));
  later = 1;
  ASSERT_TRUE(ledger_->record({{Stream::ledger, "sale.recorded", "", "{}"}}));
  ASSERT_TRUE(eventually([&] { return ledger_->figures().broken; }));
  EXPECT_NE(ledger_->why_broken(), "");
  ledger_.reset();
  open();
  EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
  EXPECT_EQ(known(), kDraws);
  EXPECT_EQ(ledger_->opened().lost, 0u);
  open();
  EXPECT_TRUE(ledger_->opened().set_aside.empty()) << "once";
}

TEST_F(Damage, WhatWasMetAndIsNoneIsForgotten) {
  fill();
  {
    auto lock = LockFile::take(path());
    ASSERT_TRUE(lock);
    note_damage(lock->fd());
    EXPECT_TRUE(damage_noted(lock->fd()));
    EXPECT_TRUE(read_mark(lock->fd())) << "the mark is where it was";
  }
  open();
  EXPECT_TRUE(ledger_->opened().set_aside.empty());
  ledger_.reset();
  auto lock = LockFile::take(path());
  EXPECT_FALSE(damage_noted(lock->fd()));
  EXPECT_TRUE(read_mark(lock->fd()));
}

// One row whose JSON lacked a key ended the process at every start, for its exception passed all that catches.
TEST_F(Damage, AGapThatCannotBeReadEndsNothing) {
  auto small = settings();
  small.max_bytes = 2 << 20;
  open(small);
  const auto fill_with_health = [&](int times) {
    const std::vector<Event> events(
        20, {Stream::health, "radio.degraded", "", R"({"f":")" + std::string(400, 'f') + "\"}"});
    for (int i = 0; i < times; ++i) ASSERT_TRUE(eventually([&] { return ledger_->record(events); }));
  };
  fill_with_health(1);
  ASSERT_TRUE(eventually([&] { return events(Stream::health).size() >= 20; }));
  ledger_.reset();
  raw("UPDATE outbox SET type = 'outbox.gap', data = '{\"stream\": 7, \"first\": -1}' WHERE seq = 3;"
      "UPDATE outbox SET type = 'outbox.gap', data = '[' WHERE seq = 4");
  open(small);
  fill_with_health(300);
  EXPECT_TRUE(eventually([&] { return ledger_->figures().dropped[2] > 0; }));
  EXPECT_FALSE(ledger_->figures().broken);
}

// The gaps of the epoch before name its numbers: who steps over them in the new one would take what never came as had.
TEST_F(Damage, AGapOfTheEpochBeforeSaysSo) {
  open();
  const auto first = ledger_->epoch();
  ASSERT_TRUE(ledger_->record(
      {{Stream::health, "outbox.gap", "", R"({"stream":"presence","first":1,"last":9,"count":9,"reason":"late"})"}}));
  ASSERT_TRUE(eventually([&] { return count(Stream::health, "outbox.gap") == 1; }));
  ledger_.reset();
  auto all = test::slurp(path());
  all.resize(all.size() - 4096);
  std::ofstream(path(), std::ios::binary | std::ios::trunc) << all;
  open();
  ASSERT_FALSE(ledger_->opened().set_aside.empty());
  EXPECT_EQ(last(Stream::health, "outbox.gap")["epoch"], first);
  const auto second = ledger_->epoch();
  ledger_.reset();
  std::filesystem::remove(path() + ".lock");
  open();
  ASSERT_TRUE(ledger_->opened().restored);
  EXPECT_NE(ledger_->epoch(), second);
  EXPECT_EQ(last(Stream::health, "outbox.gap")["epoch"], first) << "not the one between";
}

}  // namespace
}  // namespace foyer::ledger
