// An older copy in the place of the database must not give numbers again that were already sent.
#include "ledger/mark.hpp"

#include <set>

#include "ledger/storage.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

namespace fs = std::filesystem;

class MarkTest : public World {
 protected:
  void store(int events) {
    for (int i = 0; i < events; ++i) ASSERT_TRUE(ledger_->record({{Stream::ledger, "sale.recorded", "", "{}"}}));
    stored_ += static_cast<std::uint64_t>(events);
    ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].last_seq == stored_; }));
  }
  std::string copy() {
    const auto name = dir_ + "/backup.db";
    fs::copy_file(path(), name, fs::copy_options::overwrite_existing);
    return name;
  }
  std::uint64_t stored_ = 0;
};

TEST_F(MarkTest, ACopyOfYesterdayPutBackGetsANewEpochAndSaysWhatIsMissing) {
  const auto first = open().epoch();
  store(5);
  ledger_.reset();
  const auto backup = copy();
  open();
  store(7);
  ledger_->forget(Stream::ledger, 3);
  ledger_.reset();
  fs::copy_file(backup, path(), fs::copy_options::overwrite_existing);  // into the same inode
  open();
  EXPECT_NE(ledger_->epoch(), first);
  EXPECT_TRUE(ledger_->opened().restored);
  EXPECT_EQ(ledger_->opened().lost, 7u);
  EXPECT_EQ(last(Stream::health, "storage.recovered")["lost"], 7);
  EXPECT_EQ(last(Stream::health, "storage.recovered")["restored"], true);
  expect_no_gaps(Stream::ledger);
  expect_no_gaps(Stream::health);
  const auto epoch = ledger_->epoch();
  EXPECT_EQ(open().epoch(), epoch) << "once";
  EXPECT_FALSE(ledger_->opened().restored);
}

// The lock file and the seal were put back with the database, into the same files: nothing but the time the kernel
// keeps says so.
TEST_F(MarkTest, EverythingPutBackTogetherIsNoticed) {
  for (const bool clean : {true, false}) {
    const auto first = open().epoch();
    store(5);
    if (clean) ledger_.reset();
    const auto backup = dir_ + "/backup";
    fs::create_directory(backup);
    for (const auto* name : {"", "-wal", ".lock", ".seal"})
      if (fs::exists(path() + name)) fs::copy_file(path() + name, backup + "/foyer.db" + name);
    open();
    store(7);
    ledger_.reset();
    for (const auto& file : fs::directory_iterator(backup))
      fs::copy_file(file, fs::path(dir_) / file.path().filename(), fs::copy_options::overwrite_existing);
    fs::remove_all(backup);
    EXPECT_NE(open().epoch(), first) << (clean ? "copied when closed" : "copied while it ran");
    EXPECT_TRUE(ledger_->opened().restored);
    stored_ = ledger_->streams(kDeadline).value()[Stream::ledger].last_seq;
    const auto renewed = ledger_->epoch();
    EXPECT_EQ(open().epoch(), renewed) << "once";
  }
}

TEST_F(MarkTest, TheDatabaseAndItsLockFilePutBackWithoutTheSealAreNoticed) {
  const auto first = open().epoch();
  store(5);
  ledger_.reset();
  const auto backup = copy(), lock = dir_ + "/lock";
  fs::copy_file(path() + ".lock", lock);
  open();
  store(7);
  ledger_.reset();
  fs::copy_file(backup, path(), fs::copy_options::overwrite_existing);
  fs::copy_file(lock, path() + ".lock", fs::copy_options::overwrite_existing);
  EXPECT_NE(open().epoch(), first);
}

TEST_F(MarkTest, ALockFileWithoutASealIsOfAnEarlierVersion) {
  const auto first = open().epoch();
  ledger_.reset();
  auto mark = read_mark(LockFile::take(path()).value().fd()).value();
  EXPECT_EQ(mark.seal, seal_of(path()));
  mark.seal = 0;
  write_mark(LockFile::take(path()).value().fd(), mark);
  EXPECT_EQ(open().epoch(), first);
}

// The image of a whole card put back: only upstream can know.
TEST_F(MarkTest, WhatAnIngesterHasBeyondWhatWasStoredRenewsTheEpochAtTheNextOpening) {
  const auto first = open().epoch();
  store(5);
  ledger_->heard(Stream::ledger, 5);
  EXPECT_EQ(open().epoch(), first) << "as much as there is";
  ledger_->heard(Stream::ledger, 12);
  EXPECT_NE(open().epoch(), first);
  EXPECT_TRUE(ledger_->opened().restored);
  EXPECT_EQ(ledger_->opened().lost, 7u);
  const auto renewed = ledger_->epoch();
  EXPECT_EQ(open().epoch(), renewed) << "once";
}

TEST_F(MarkTest, ACopyMovedIntoItsPlaceIsAnotherFile) {
  const auto first = open().epoch();
  store(5);
  ledger_.reset();
  fs::rename(copy(), path());
  EXPECT_NE(open().epoch(), first) << "nobody can say that it is not of an hour ago";
}

TEST_F(MarkTest, ADatabaseBroughtFromElsewhereGetsAnEpochOfItsOwn) {
  const auto first = open().epoch();
  store(5);
  ledger_.reset();
  fs::remove(path() + ".lock");
  EXPECT_NE(open().epoch(), first);
  EXPECT_EQ(events(Stream::ledger).size(), 5u);
}

TEST_F(MarkTest, AnEarlierVersionsLockFileIsNoReasonForANewEpoch) {
  const auto first = open().epoch();
  ledger_.reset();
  fs::resize_file(path() + ".lock", 0);
  EXPECT_EQ(open().epoch(), first);
}

TEST_F(MarkTest, AKilledProcessLeavesAMarkThatStillHolds) {
  const auto first = open().epoch();
  store(5);
  const auto lock = dir_ + "/lock";
  fs::copy_file(path() + ".lock", lock);  // as the process left it at its start
  store(5);
  ledger_.reset();
  fs::copy_file(lock, path() + ".lock", fs::copy_options::overwrite_existing);
  EXPECT_EQ(open().epoch(), first);
}

}  // namespace
}  // namespace foyer::ledger
