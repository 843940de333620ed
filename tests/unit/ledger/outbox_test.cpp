#include "world.hpp"

namespace foyer::ledger {
namespace {

class OutboxTest : public World {
 protected:
  static Event event(Stream stream, const std::string& type = "beacon.seen") { return {stream, type, "", "{}"}; }
};

TEST_F(OutboxTest, PresenceRidesAlongAndLedgerCommitsAtOnce) {
  open();
  const auto before = ledger_->figures().commits;
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(ledger_->record({event(Stream::presence)}));
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::presence].rows == 50; }));
  EXPECT_LE(ledger_->figures().commits - before, 10u) << "fifty events, not fifty commits";
  EXPECT_TRUE(ledger_->record({event(Stream::ledger, "sale.recorded")}));
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].rows == 1; }));
}

TEST_F(OutboxTest, PresenceWaitsAsLongAsItMayAndNoLonger) {
  std::atomic<std::int64_t> ms{1'000'000};
  auto slow = settings();
  slow.mono = [&ms] { return MonoTime{std::chrono::milliseconds{ms}}; };
  slow.sweep_every = std::chrono::hours{1};
  open(slow);
  const auto rows = [&] { return ledger_->streams(kDeadline).value()[Stream::presence].rows; };
  ASSERT_TRUE(ledger_->record({event(Stream::presence)}));
  EXPECT_EQ(rows(), 0u);
  ms += 199;
  EXPECT_EQ(rows(), 0u);
  EXPECT_EQ(rows(), 0u);
  ms += 1;
  EXPECT_TRUE(eventually([&] { return rows() == 1; }));
  ASSERT_TRUE(ledger_->record({event(Stream::presence)}));
  ASSERT_TRUE(ledger_->record({event(Stream::ledger, "sale.recorded")}));
  EXPECT_TRUE(eventually([&] { return rows() == 2; })) << "a commit that comes sooner takes it along";
  ledger_.reset();  // before the clock it asks
}

TEST_F(OutboxTest, StoredEventsAreToldInOrderAfterTheCommit) {
  open();
  std::mutex mutex;
  std::vector<StoredEvent> told;
  ledger_->on_stored([&](const std::vector<StoredEvent>& events) {
    std::lock_guard lock(mutex);
    told.insert(told.end(), events.begin(), events.end());
  });
  apply({sure_win()});
  draw("n1");
  EXPECT_TRUE(eventually([&] {
    std::lock_guard lock(mutex);
    return told.size() >= 3;
  }));
  ledger_->close();
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0].event.type, "campaign.applied");
  EXPECT_EQ(told[1].event.type, "shake.won");
  EXPECT_EQ(told[1].seq, 1u);
  EXPECT_EQ(told[2].event.type, "coupon.issued");
  EXPECT_EQ(told[2].seq, 2u);
  EXPECT_EQ(told[2].time, now());
}

TEST_F(OutboxTest, TheLogIsEmptiedWhenNothingHappens) {
  std::atomic<std::int64_t> ahead_ms{0};
  auto quiet = settings();
  quiet.mono = [&ahead_ms, mono = quiet.mono] { return mono() + std::chrono::milliseconds{ahead_ms}; };
  open(quiet);
  auto large = event(Stream::presence);
  large.data = R"({"f":")" + std::string(900, 'f') + "\"}";
  ASSERT_TRUE(ledger_->record(std::vector<Event>(400, large)));
  ASSERT_TRUE(eventually([&] { return ledger_->figures().events >= 400; }));
  ASSERT_GT(ledger_->figures().wal_bytes, 64u * 4096);
  ahead_ms = 6'000;
  EXPECT_TRUE(eventually([&] { return ledger_->figures().wal_bytes == 0; }));
  ledger_.reset();  // before the clock it asks
}

TEST_F(OutboxTest, ForgetTakesRowsUpToTheMarkAndNeverBackwards) {
  open();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(ledger_->record({event(Stream::ledger, "sale.recorded")}));
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].rows == 30; }));
  EXPECT_EQ(events(Stream::ledger, 10, 5).front().seq, 11u);
  EXPECT_EQ(events(Stream::ledger, 10, 5).size(), 5u);
  ledger_->forget(Stream::ledger, 12);
  ledger_->forget(Stream::ledger, 7);
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].acked == 12; }));
  EXPECT_EQ(events(Stream::ledger).front().seq, 13u);
  ledger_->forget(Stream::ledger, 999);
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].rows == 0; }));
  ASSERT_TRUE(ledger_->record({event(Stream::ledger, "sale.recorded")}));
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].last_seq == 31; }));
  ASSERT_TRUE(ledger_->record({event(Stream::ledger, "sale.recorded")}));
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].last_seq == 32; }));
  EXPECT_EQ(events(Stream::ledger).size(), 2u) << "an acknowledgement of the future takes nothing later";
  ledger_->forget(Stream::ledger, 32);
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].rows == 0; }));
  open();
  auto state = ledger_->streams(kDeadline).value()[Stream::ledger];
  EXPECT_EQ(state.acked, 32u) << "never more than was stored";
  EXPECT_EQ(state.last_seq, 32u);
  EXPECT_EQ(state.bytes, 0u);
  ASSERT_TRUE(ledger_->record({event(Stream::ledger, "sale.recorded")}));
  ASSERT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value()[Stream::ledger].rows == 1; }));
  EXPECT_EQ(events(Stream::ledger).front().seq, 33u);
}

TEST_F(OutboxTest, CloseStoresWhatIsQueuedAndRefusesTheRest) {
  open();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(ledger_->record({event(Stream::presence)}));
  ledger_->close();
  ledger_->close();
  EXPECT_FALSE(ledger_->record({event(Stream::presence)}));
  EXPECT_EQ(ledger_->draw(shake("n"), kDeadline).error().code, Code::retry);
  bool told = false;
  ledger_->fetch(Stream::presence, 0, 1, [&](auto result) { told = !result.has_value(); });
  EXPECT_TRUE(told);
  const auto wal = path() + "-wal";
  EXPECT_TRUE(!std::filesystem::exists(wal) || std::filesystem::file_size(wal) == 0);
  open();
  EXPECT_EQ(ledger_->streams(kDeadline).value()[Stream::presence].rows, 100u);
}

TEST_F(OutboxTest, FullQueueRefusesInsteadOfWaiting) {
  auto narrow = settings();
  narrow.queue = 4;
  open(narrow);
  std::promise<void> hold, holding;
  ledger_->fetch(Stream::health, 0, 1, [&holding, held = hold.get_future().share()](auto) {
    holding.set_value();
    held.wait();
  });
  holding.get_future().wait();
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += ledger_->record({event(Stream::presence)});
  EXPECT_EQ(taken, 4);
  EXPECT_EQ(ledger_->draw(shake("n"), kDeadline).error().code, Code::retry);
  hold.set_value();
  EXPECT_GE(ledger_->figures().refused, 6u);
}

TEST_F(OutboxTest, BytesThatAreNotUtf8DoNotStopAnEvent) {
  open();
  apply({sure_win()});
  campaign::TillRequest till;
  till.action = campaign::TillAction::redeem;
  till.code = winning_code();
  till.operator_ = "m\xff\xfei";
  EXPECT_FALSE(ledger_->till(till, kDeadline).value().refused);
  EXPECT_FALSE(last(Stream::ledger, "coupon.redeemed").empty());
}

}  // namespace
}  // namespace foyer::ledger
