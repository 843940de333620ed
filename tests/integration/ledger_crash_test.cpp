// The power is cut, and the disk fails, at every moment of a ledger's life: what was answered is there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ledger/mark.hpp"
#include "ledger/migrate.hpp"
#include "support/crash_world.hpp"

namespace foyer::ledger {
namespace {

using Operation = CrashDisk::Operation;

constexpr std::uint64_t kSeeds = 20;

/// What the outside knows: read where the power is cut, on the ledger's thread.
struct Journal {
  std::atomic<std::uint64_t> answered{0};           ///< draws that were answered, n0 first
  std::atomic<std::uint64_t> recorded{0};           ///< presence events that were taken
  std::array<std::atomic<std::int64_t>, 512> at{};  ///< when each of them was, ms
};

class LedgerCrash : public CrashWorld {
 protected:
  /// Draws one after the other until `draws` are answered, a presence event before each; ends early when one is not.
  void live(Ledger& ledger, std::uint64_t draws) {
    if (!ledger.apply_campaigns("file", {sure_win()}, kDeadline)) return;
    for (std::uint64_t i = journal_.answered; i < draws; ++i) {
      ms_ += 20;
      journal_.at.at(i) = ms_.load();
      if (!ledger.record({{Stream::presence, "beacon.seen", "", fmt::format(R"({{"n":{}}})", i)}})) return;
      ++journal_.recorded;
      if (!ledger.draw({fmt::format("n{}", i), {"s", 3, "", false}, "session", "shake"}, kDeadline)) return;
      ++journal_.answered;
      if (i % 25 == 24) ledger.forget(Stream::ledger, i);
    }
  }

  /// The lock file of a program that left no mark in it of what was there (ledger/mark.hpp).
  static void leave_no_mark(const std::string& dir) { std::ofstream(dir + "/foyer.db.lock", std::ios::trunc); }

  /// The disk is in memory; what the mark goes by is the names' own file, its seal and the lock file beside it. A
  /// second name of the seal would change its time, so the copy gets one of its own, and the mark that one's time.
  void be_the_same_file() const {
    std::filesystem::copy_file(live_ + "/foyer.db.lock", after_ + "/foyer.db.lock",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::remove(after_ + "/foyer.db");
    if (std::filesystem::exists(live_ + "/foyer.db"))
      std::filesystem::create_hard_link(live_ + "/foyer.db", after_ + "/foyer.db");
    const int lock = ::open((after_ + "/foyer.db.lock").c_str(), O_RDWR | O_CLOEXEC);
    if (auto mark = read_mark(lock); mark && mark->seal != 0 && mark->seal == seal_of(live_ + "/foyer.db")) {
      mark->seal = touch_seal(after_ + "/foyer.db");
      write_mark(lock, *mark);
    }
    ::close(lock);
  }

  /// Opens what is left as a start does, with the lock file as it was left, and compares it with the journal.
  void verify(const CrashDisk& disk, const std::string& when) {
    be_the_same_file();
    const auto storage = open_storage(settings(after_, disk));
    ASSERT_TRUE(storage) << when << ": " << storage.error().message;
    ASSERT_EQ(storage->opened.set_aside, "") << when << ": taken for damaged";
    ASSERT_FALSE(storage->opened.restored) << when << ": taken for a copy that was put back";
    auto& db = *storage->db;
    auto check = db.query("PRAGMA integrity_check");
    ASSERT_TRUE(check.next());
    ASSERT_EQ(check.text(0), "ok") << when;
    verify_decisions(db, when);
    verify_outbox(db, when);
  }

 private:
  void verify_decisions(Db& db, const std::string& when) {
    const auto answered = static_cast<std::int64_t>(journal_.answered.load());
    const auto draws = db.number("SELECT count(*) FROM draw");
    ASSERT_GE(draws, answered) << when << ": an answered draw is lost";
    ASSERT_LE(draws, answered + 1) << when;
    ASSERT_EQ(db.number("SELECT count(*) FROM coupon"), draws) << when << ": a draw and its coupon are one";
    ASSERT_EQ(db.number("SELECT ifnull(sum(issued), 0) FROM prize_use"), draws) << when;
    ASSERT_EQ(db.number("SELECT ifnull(sum(last_seq), 0) FROM stream WHERE stream = 1"), 2 * draws)
        << when << ": a draw and its events are one";
  }
  void verify_outbox(Db& db, const std::string& when) {
    for (const auto stream : {1, 2, 3}) {
      const auto where = fmt::format(" FROM outbox WHERE stream = {}", stream);
      const auto rows = db.number("SELECT count(*)" + where), last = db.number("SELECT ifnull(max(seq), 0)" + where);
      const auto state = fmt::format("SELECT ifnull(sum({{}}), 0) FROM stream WHERE stream = {}", stream);
      ASSERT_EQ(db.number(fmt::format(fmt::runtime(state), "rows")), rows) << when;
      const auto first = db.number("SELECT ifnull(min(seq), 1)" + where);
      if (rows > 0) {
        ASSERT_EQ(last - first + 1, rows) << when << ": a gap in stream " << stream;
        ASSERT_EQ(db.number(fmt::format(fmt::runtime(state), "last_seq")), last) << when;
      }
    }
    // Of the others only the newest may be missing, none older than a second.
    const auto stored =
        static_cast<std::uint64_t>(db.number("SELECT ifnull(max(seq), 0) FROM outbox WHERE stream = 2"));
    ASSERT_EQ(db.number("SELECT count(*) FROM outbox WHERE stream = 2 AND data ->> '$.n' != seq - 1"), 0) << when;
    const auto recorded = journal_.recorded.load();
    if (stored < recorded) {
      ASSERT_LE(ms_.load() - journal_.at.at(stored).load(), 1000) << when;
    }
  }

 protected:
  Journal journal_;
};

struct Cut {
  CrashDisk::Traits traits;
  std::uint64_t seeds;
};

class EverySync : public LedgerCrash, public ::testing::WithParamInterface<Cut> {};

TEST_P(EverySync, OfTwoHundredTransactionsLosesNothingThatWasAnswered) {
  CrashDisk disk(GetParam().traits);
  std::uint64_t syncs = 0;
  disk.on_sync([&] {
    ++syncs;
    for (std::uint64_t seed = 0; seed < GetParam().seeds && !HasFatalFailure(); ++seed)
      verify(*disk.after_cut(syncs * 1000 + seed), fmt::format("cut at sync {}, seed {}", syncs, seed));
  });
  auto ledger = Ledger::open(settings(live_, disk));
  ASSERT_TRUE(ledger) << ledger.error().message;
  live(**ledger, 200);
  ledger->reset();
  EXPECT_EQ(journal_.answered, 200u);
  EXPECT_GT(syncs, 205u) << "a commit each, and checkpoints";
  RecordProperty("cuts", static_cast<int>(syncs * GetParam().seeds));
}

INSTANTIATE_TEST_SUITE_P(Disks, EverySync,
                         ::testing::Values(Cut{{512, false}, kSeeds}, Cut{{4096, false}, kSeeds}, Cut{{512, true}, 5},
                                           Cut{{4096, true}, 5}),
                         [](const auto& one) {
                           return fmt::format("Sector{}{}", one.param.traits.sector,
                                              one.param.traits.powersafe ? "Powersafe" : "");
                         });

TEST_F(LedgerCrash, TheDiskReallyForgetsWhatWasNotSynced) {
  CrashDisk disk;
  auto careless = settings(live_, disk);
  careless.synchronous_full = 0;
  std::int64_t most_lost = 0;
  {
    const auto ledger = Ledger::open(careless);
    ASSERT_TRUE(ledger);
    live(**ledger, 30);
    const auto left = disk.after_cut(1);
    const auto storage = open_storage(settings(after_, *left));
    ASSERT_TRUE(storage);
    most_lost = 30 - storage->db->number("SELECT count(*) FROM draw");
  }
  EXPECT_GT(most_lost, 10) << "without a sync for each commit answers would be lost";
}

// ---- a disk that fails ----------------------------------------------------------------------------------------

class FailingDisk : public LedgerCrash {
 protected:
  static constexpr std::uint64_t kDraws = 10;

  /// Lives on `start` with a fault at every n-th operation in turn; says at how many.
  std::uint64_t live_with_each(Operation operation, const CrashDisk& start) {
    const std::uint64_t answered = journal_.answered, recorded = journal_.recorded;
    std::uint64_t nth = 1;
    while (live_with(operation, nth, *start.after_kill()) && !HasFailure()) {
      journal_.answered = answered;
      journal_.recorded = recorded;
      ++nth;
    }
    return nth - 1;
  }
  /// A disk whose write-ahead log is nearly so long that it is checkpointed.
  std::unique_ptr<CrashDisk> near_checkpoint() {
    const CrashDisk disk;
    const auto ledger = Ledger::open(settings(live_, disk));
    for (std::uint64_t draws = 4; (*ledger)->figures().wal_bytes < 740 * 4096; draws += 4) live(**ledger, draws);
    return disk.after_kill();
  }

 private:
  /// One life with one fault. False: it ended before the fault's turn came.
  bool live_with(Operation operation, std::uint64_t nth, CrashDisk& disk) {
    disk.fail(operation, nth, operation == Operation::write ? SQLITE_IOERR_WRITE : SQLITE_IOERR_FSYNC);
    const auto when = fmt::format("{} {}", operation == Operation::write ? "write" : "sync", nth);
    const auto draws = journal_.answered + kDraws;
    leave_no_mark(live_);  // of the life before this one
    auto ledger = Ledger::open(settings(live_, disk));
    if (ledger) {
      live(**ledger, draws);
      if (journal_.answered < draws) expect_stopped(**ledger, when);
      (*ledger)->close();
      ledger->reset();
    } else {
      EXPECT_EQ(ledger.error().code, Code::fatal) << when;
      EXPECT_NE(ledger.error().message.find("I/O"), std::string::npos) << when << ": " << ledger.error().message;
    }
    verify(*disk.after_cut(nth), when + ", then the power");
    verify(*disk.after_kill(), when + ", then a restart");
    const auto counts = disk.counts();
    return (operation == Operation::write ? counts.writes : counts.syncs) >= nth;
  }
  void expect_stopped(Ledger& ledger, const std::string& when) {
    EXPECT_TRUE(ledger.figures().broken) << when << ": it says so";
    EXPECT_FALSE(ledger.draw({"later", {"s", 3, "", false}, "session", "shake"}, kDeadline))
        << when << ": nothing is stored after the first error";
    EXPECT_FALSE(ledger.record({{Stream::presence, "beacon.seen", "", "{}"}})) << when;
  }
};

TEST_F(FailingDisk, AtAnyWriteOfANewFileIsNeverToldAsStored) {
  EXPECT_GT(live_with_each(Operation::write, CrashDisk()), 200u);
}

TEST_F(FailingDisk, AtAnyWriteAroundACheckpointIsNeverToldAsStored) {
  EXPECT_GT(live_with_each(Operation::write, *near_checkpoint()), 200u);
}

TEST_F(FailingDisk, AtAnySyncIsNeverToldAsStored) {
  EXPECT_GT(live_with_each(Operation::sync, CrashDisk()), kDraws);
  journal_.answered = journal_.recorded = 0;
  EXPECT_GT(live_with_each(Operation::sync, *near_checkpoint()), kDraws);
}

// ---- migrations -----------------------------------------------------------------------------------------------

class MigrationCut : public LedgerCrash {
 protected:
  static constexpr std::string_view kRows =
      "INSERT INTO meta VALUES ('epoch', '00112233445566aa');"
      "INSERT INTO stream VALUES (1, 60, 0, 60, 600, 0);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
      "INSERT INTO outbox SELECT 1, i, 'sale.recorded', '', '{}', 0, 1, 0 FROM n;";

  /// A disk with a database as the program of this version left it.
  std::unique_ptr<CrashDisk> of_version(std::size_t version, CrashDisk::Traits traits) {
    auto disk = std::make_unique<CrashDisk>(traits);
    Db db("foyer.db", Db::Mode::read_write, disk->vfs());
    db.execute("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    const std::span all(embedded::migrations);
    for (std::size_t v = 1; v <= version; ++v) {
      EXPECT_TRUE(migrate(db, all.first(v)));
      if (v == 1) db.execute(kRows);
    }
    return disk;
  }
};

TEST_F(MigrationCut, FromEveryVersionLeavesTheOldOrTheNew) {
  const auto newest = static_cast<std::size_t>(newest_version());
  ASSERT_EQ(newest, std::size(embedded::migrations)) << "numbered from 1 without a gap";
  for (const std::size_t sector : {512, 4096})
    for (std::size_t version = 0; version <= newest; ++version) {
      const auto disk = of_version(version, {sector, false});
      std::uint64_t syncs = 0;
      disk->on_sync([&, this] {
        ++syncs;
        for (std::uint64_t seed = 0; seed < kSeeds && !HasFatalFailure(); ++seed) {
          const auto left = disk->after_cut(syncs * 1000 + seed);
          const auto when = fmt::format("version {}, sync {}, seed {}", version, syncs, seed);
          const auto at = Db("foyer.db", Db::Mode::read_write, left->vfs()).number("PRAGMA user_version");
          EXPECT_GE(at, static_cast<std::int64_t>(version)) << when;
          EXPECT_LE(at, newest_version()) << when;
          leave_no_mark(after_);
          const auto storage = open_storage(settings(after_, *left));
          ASSERT_TRUE(storage) << when << ": " << storage.error().message;
          EXPECT_EQ(storage->opened.set_aside, "") << when;
          EXPECT_EQ(storage->db->number("PRAGMA user_version"), newest_version()) << when;
          EXPECT_EQ(storage->db->number("SELECT count(*) FROM outbox"), version > 0 ? 60 : 0) << when;
          if (version > 0) {
            EXPECT_EQ(storage->epoch, "00112233445566aa") << when;
          }
        }
      });
      leave_no_mark(live_);
      const auto storage = open_storage(settings(live_, *disk));
      ASSERT_TRUE(storage) << storage.error().message;
      EXPECT_GE(syncs, newest - version) << "one a step at least";
    }
}

}  // namespace
}  // namespace foyer::ledger
