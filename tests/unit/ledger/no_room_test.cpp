// Events for which there is no room, groups that fail, and rows that are too late: all of it is told exactly.
#include <sqlite3.h>

#include <set>

#include "ledger/housekeeping.hpp"
#include "ledger/writer.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

class NoRoom : public World {
 protected:
  NoRoom() {
    small_ = settings();
    small_.max_bytes = 1 << 20;
    small_.mono = [this, usual = small_.mono] { return usual() + std::chrono::milliseconds{later_ms_}; };
  }
  ~NoRoom() override { ledger_.reset(); }  // before the clock it asks

  bool record(Stream stream, const std::string& type, int count, const std::string& data = "{}") {
    return ledger_->record(std::vector<Event>(static_cast<std::size_t>(count), Event{stream, type, "", data}));
  }
  std::uint64_t discarded() { return ledger_->figures().discarded; }
  std::uint64_t last_seq(Stream stream) { return ledger_->streams(kDeadline).value().at(stream).last_seq; }

  /// Every number of a stream is that of a row, or in one gap.
  void expect_all_told(Stream stream) {
    std::multiset<std::uint64_t> numbers;
    for (const auto& event : events(stream)) numbers.insert(event.seq);
    for (const auto& event : events(Stream::health)) {
      if (event.event.type != "outbox.gap") continue;
      const auto data = nlohmann::json::parse(event.event.data);
      if (data["stream"] != std::string(to_string(stream))) continue;
      EXPECT_EQ(data["count"], data["last"].get<std::uint64_t>() - data["first"].get<std::uint64_t>() + 1);
      for (auto n = data["first"].get<std::uint64_t>(); n <= data["last"].get<std::uint64_t>(); ++n) numbers.insert(n);
    }
    const auto last = last_seq(stream);
    ASSERT_EQ(numbers.size(), last);
    std::uint64_t expected = 0;
    for (const auto n : numbers) EXPECT_EQ(n, ++expected);
  }

  Settings small_;
  std::atomic<std::int64_t> later_ms_{0};
};

// They went without a number, so nobody upstream could know that something was missing.
TEST_F(NoRoom, WhatIsDiscardedHasNumbersAndIsToldAsAGapWhenThereIsRoom) {
  fill_up(small_, {sure_win()});
  const auto presence = last_seq(Stream::presence);
  ASSERT_TRUE(record(Stream::presence, "beacon.seen", 10));
  ASSERT_TRUE(record(Stream::health, "radio.degraded", 5));
  ASSERT_TRUE(eventually([&] { return discarded() == 15; }));
  EXPECT_EQ(last_seq(Stream::presence), presence + 10);
  open(small_);  // what is to be told outlives a restart
  ASSERT_TRUE(ledger_->figures().full);
  ASSERT_TRUE(record(Stream::presence, "beacon.seen", 7));
  ASSERT_TRUE(eventually([&] { return discarded() == 7; }));
  ledger_->forget(Stream::ledger, last_seq(Stream::ledger));
  ASSERT_TRUE(eventually([&] { return !ledger_->figures().full && count(Stream::health, "outbox.gap") >= 2; }));
  expect_all_told(Stream::presence);
  expect_all_told(Stream::health);
  nlohmann::json gap;
  for (const auto& event : events(Stream::health))
    if (event.event.type == "outbox.gap" && nlohmann::json::parse(event.event.data)["stream"] == "presence")
      gap = nlohmann::json::parse(event.event.data);
  EXPECT_EQ(gap["first"], presence + 1);
  EXPECT_EQ(gap["count"], 17) << "one gap for all of it";
  EXPECT_EQ(gap["reason"], "storage is full");
  ASSERT_TRUE(record(Stream::presence, "beacon.seen", 1));
  ASSERT_TRUE(eventually([&] { return last_seq(Stream::presence) == presence + 18; }));
  EXPECT_EQ(events(Stream::presence).back().seq, presence + 18);
}

TEST_F(NoRoom, WhoGivesACampaignIsAnsweredAllTheSame) {
  fill_up(small_, {sure_win()});
  ASSERT_TRUE(record(Stream::health, "radio.degraded", 3));
  ASSERT_TRUE(record(Stream::health, "campaign.refused", 1, R"({"campaign":"x","reasons":["overloaded"]})"));
  ASSERT_TRUE(eventually([&] { return count(Stream::health, "campaign.refused") == 1; }));
  ASSERT_TRUE(record(Stream::health, "radio.degraded", 2));
  ASSERT_TRUE(eventually([&] { return discarded() == 5; }));
  ledger_->forget(Stream::ledger, last_seq(Stream::ledger));
  ASSERT_TRUE(eventually([&] { return !ledger_->figures().full; }));
  ASSERT_TRUE(eventually([&] { return count(Stream::health, "outbox.gap") >= 2; }));
  expect_all_told(Stream::health);
}

// Whatever went wrong with every group was told to nobody, and what waited grew.
TEST_F(NoRoom, GroupsThatKeepFailingEndTheProcess) {
  open(small_);
  apply({sure_win()});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open_v2(path().c_str(), &other, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
  const auto hold = [&] { return sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK; };
  ASSERT_TRUE(eventually(hold));
  for (int i = 0; i < Writer::kMostFailed + 1; ++i)
    EXPECT_EQ(ledger_->draw(shake(fmt::format("n{}", i)), kDeadline).error().code, Code::retry);
  EXPECT_FALSE(ledger_->figures().broken) << "not for so long yet";
  sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
  EXPECT_TRUE(ledger_->draw(shake("between"), kDeadline)) << "it may pass by itself";
  ASSERT_TRUE(eventually(hold));
  EXPECT_FALSE(ledger_->draw(shake("m"), kDeadline));
  later_ms_ += Writer::kLongestFailing.count();
  EXPECT_FALSE(ledger_->draw(shake("m"), kDeadline));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ledger_->streams(kDeadline)) << "nothing is tried over and over by itself";
  EXPECT_FALSE(ledger_->figures().broken) << "and these were only two";
  for (int i = 0; i < Writer::kMostFailed; ++i) EXPECT_FALSE(ledger_->draw(shake(fmt::format("o{}", i)), kDeadline));
  EXPECT_TRUE(ledger_->figures().broken);
  EXPECT_NE(ledger_->why_broken().find("locked"), std::string::npos) << ledger_->why_broken();
  EXPECT_FALSE(record(Stream::presence, "beacon.seen", 1));
  sqlite3_close(other);
}

TEST_F(NoRoom, WhatWaitsWhileGroupsFailIsBounded) {
  small_.max_bytes = 64 << 20;
  open(small_);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open_v2(path().c_str(), &other, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
  ASSERT_TRUE(
      eventually([&] { return sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK; }));
  constexpr std::size_t kGiven = (Writer::kMostWaiting / 1'000 + 6) * 1'000;
  for (std::size_t given = 0; given < kGiven; given += 1'000)
    ASSERT_TRUE(eventually([&] { return record(Stream::presence, "beacon.seen", 1'000); }));
  ASSERT_TRUE(eventually([&] { return ledger_->figures().queued == 0; }));
  sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  ASSERT_FALSE(ledger_->figures().broken);
  ASSERT_TRUE(eventually([&] { return last_seq(Stream::presence) == kGiven; }));
  ASSERT_TRUE(eventually([&] { return count(Stream::health, "outbox.gap") >= 1; }));
  EXPECT_GE(discarded(), 4'000u);
  EXPECT_EQ(events(Stream::presence).size() + discarded(), kGiven);
  expect_all_told(Stream::presence);
}

// 250 a minute: a million rows would have taken two and a half days, and four thousand gaps.
TEST_F(NoRoom, LateRowsGoInOneRun) {
  constexpr int kLate = 2'500;
  static_assert(kLate > 2 * static_cast<int>(kLateAtOnce));
  auto trusted = settings();
  trusted.mono = small_.mono;
  trusted.synchronised = [] { return true; };
  trusted.sweep_every = std::chrono::hours{1};
  open(trusted);
  ASSERT_TRUE(record(Stream::presence, "beacon.seen", kLate));
  ASSERT_TRUE(eventually([&] { return last_seq(Stream::presence) == kLate; }));
  pass(std::chrono::hours{25});  // both clocks, or the wall clock would be taken to have been wrong before
  later_ms_ += std::chrono::milliseconds{std::chrono::hours{25}}.count();
  ASSERT_TRUE(record(Stream::ledger, "sale.recorded", 1));
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value().at(Stream::presence).rows == 0; }));
  EXPECT_EQ(count(Stream::health, "outbox.gap"), 3u);
  expect_all_told(Stream::presence);
}

}  // namespace
}  // namespace foyer::ledger
