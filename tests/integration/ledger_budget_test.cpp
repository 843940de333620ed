// What an event costs a card that wears out: counted, and refused above its budget.
#include "support/crash_disk.hpp"
#include "unit/ledger/world.hpp"

namespace foyer::ledger {
namespace {

class BudgetTest : public World {
 protected:
  void TearDown() override { ledger_.reset(); }  // before its disk
  Settings on(const test::CrashDisk& disk) {
    auto settings = this->settings();
    settings.vfs = disk.vfs();
    settings.mono = [this] { return MonoTime{std::chrono::milliseconds{ms_.load()}}; };
    settings.sweep_every = std::chrono::hours{1};
    return settings;
  }
  /// As the daemon tells them: identifiers seen and lost, visits begun and ended.
  static Event presence_event(std::uint64_t i) {
    const auto identifier = fmt::format("fda50693-a4e2-4fb1-afcf-c6eb07647825/{}/{}", i % 7, i / 4 % 60'000);
    const auto subject = fmt::format("{:020x}", i / 4);
    if (i % 2 == 0)
      return {Stream::presence, i % 4 == 0 ? "beacon.seen" : "beacon.lost", "",
              fmt::format(R"({{"adapter":"hci0","format":"ibeacon","identifier":"{}","rssi":-71}})", identifier)};
    return {Stream::presence, i % 4 == 1 ? "presence.entered" : "presence.left", subject,
            fmt::format(R"({{"dwell_s":41.25,"identifier":"{}","visit":{},"zone":"entrance"}})", identifier, i / 4)};
  }
  const test::CrashDisk disk_;
  std::atomic<std::int64_t> ms_{1000};
};

TEST_F(BudgetTest, AThousandBytesAndThreeHundredthsOfASyncAnEvent) {
  constexpr std::uint64_t kEvents = 20'000, kBetween = 100, kBehind = 500;  // 500 a second, a commit each 200 ms
  open(on(disk_));
  apply({sure_win()});
  const auto before = disk_.counts();
  for (std::uint64_t stored = 0; stored < kEvents; stored += kBetween) {
    std::vector<Event> events;
    for (std::uint64_t i = 0; i < kBetween; ++i) events.push_back(presence_event(stored + i));
    ASSERT_TRUE(ledger_->record(std::move(events)));
    if (stored >= kBehind) ledger_->forget(Stream::presence, stored - kBehind);
    ASSERT_TRUE(eventually([&] {
      ms_ += 40;  // it may have looked at the clock before or after
      return ledger_->streams(kDeadline).value().at(Stream::presence).last_seq == stored + kBetween;
    }));
  }
  ledger_->forget(Stream::presence, kEvents);
  ledger_->close();  // the whole life: until every row is gone and the log is emptied
  const auto after = disk_.counts();
  const auto each = [&](std::uint64_t count) { return static_cast<double>(count) / static_cast<double>(kEvents); };
  EXPECT_LE(each(after.bytes - before.bytes), 1'000.0);
  EXPECT_LE(each(after.syncs - before.syncs), 0.03);
  EXPECT_GT(each(after.bytes - before.bytes), 130.0) << "less than the event itself: nothing was counted";
  RecordProperty("bytes_per_event", fmt::format("{:.0f}", each(after.bytes - before.bytes)));
  RecordProperty("fsyncs_per_event", fmt::format("{:.4f}", each(after.syncs - before.syncs)));
  std::printf("bytes_per_event %.0f, fsyncs_per_event %.4f\n", each(after.bytes - before.bytes),
              each(after.syncs - before.syncs));
}

TEST_F(BudgetTest, TheLogStaysBelowEightMebibytesWhateverIsStored) {
  auto settings = on(disk_);
  settings.mono = World::settings().mono;
  settings.sweep_every = 500ms;
  open(settings);
  apply({sure_win()});
  std::atomic<std::uint64_t> longest = 0;
  ledger_->on_stored([&](const auto&) { longest = std::max(longest.load(), ledger_->figures().wal_bytes); });
  const std::string large(30'000, 'x');
  for (int i = 0; i < 60; ++i) {
    const std::vector<Event> events(40, Event{Stream::presence, "presence.entered", "", "{\"x\":\"" + large + "\"}"});
    ASSERT_TRUE(eventually([&] { return ledger_->record(events); }));
  }
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value().at(Stream::presence).last_seq == 2'400; }));
  // As many at once as the portal has workers; a day later, while as many come again, all that came before ends.
  for (const int day : {0, 1}) {
    in_parallel(192, [&](int t) {
      for (int i = 0; i < 8; ++i) {
        const auto name = fmt::format("{}-{}-{}", day, t, i);
        const auto drawn = ledger_->draw(shake("n" + name, "s" + name), kDeadline);
        EXPECT_TRUE(drawn) << drawn.error().message;
      }
    });
    pass(std::chrono::hours{25});
  }
  EXPECT_TRUE(eventually([&] { return count(Stream::ledger, "coupon.expired") == 2 * 192 * 8; }));
  ledger_->close();
  EXPECT_GT(longest, 2u << 20);
  EXPECT_LE(longest, 8u << 20);
}

TEST_F(BudgetTest, TheOutboxHasNoSecondIndex) {
  open();
  ledger_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open_v2(path().c_str(), &db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, "SELECT count(*) FROM pragma_index_list('outbox') WHERE origin != 'pk'", -1, &statement,
                     nullptr);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 0);
  sqlite3_finalize(statement);
  sqlite3_close_v2(db);
}

}  // namespace
}  // namespace foyer::ledger
