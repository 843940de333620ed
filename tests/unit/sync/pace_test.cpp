// How much of a backlog is on its way at once.
#include "sync/pace.hpp"

#include "sync/reach.hpp"
#include "uplink_world.hpp"

namespace foyer::sync {
namespace {

class PaceTest : public UplinkTest {
 protected:
  /// Answers what is in flight, in order, for so many batches.
  void answer(int batches, std::chrono::milliseconds each) {
    for (int i = 0; i < batches; ++i) {
      for (auto& batch : sent()) line.push_back(batch.tag);
      if (line.empty()) return;
      timers.advance(each);
      const auto tag = line.front();
      line.erase(line.begin());
      uplink->acknowledged(tag, 0);
    }
  }
  std::vector<std::uint64_t> line;
};

TEST_F(PaceTest, ABacklogGrowsItsWindowWhileTheLineKeepsUp) {
  settings.window = 32;
  settings.backlog_start = 4;
  make();
  connect();
  store(Stream::presence, 400);
  for (auto& batch : sent()) line.push_back(batch.tag);
  EXPECT_EQ(line.size(), 4u);
  for (int round = 0; round < 30; ++round) {
    for (auto& batch : sent()) line.push_back(batch.tag);
    timers.advance(100ms);  // one round trip for all of them
    for (const auto tag : std::exchange(line, {})) uplink->acknowledged(tag, 0);
  }
  EXPECT_EQ(uplink->status().backlog_window, 24u) << "a quarter stays for the ledger";
}

TEST_F(PaceTest, ABacklogOnASlowLineStaysShortSoThatALedgerEventIsSoonThere) {
  settings.window = 32;
  settings.backlog_start = 24;
  make();
  connect();
  store(Stream::presence, 400);
  answer(60, 500ms);
  EXPECT_LE(of(Stream::presence).in_flight, 2u) << "half a second each: not twenty-four of them";
  store(Stream::ledger, 1);
  const auto before = clock.mono();
  while (of(Stream::ledger).acked == 0) answer(1, 500ms);
  EXPECT_LE(clock.mono() - before, 2s);
}

TEST_F(PaceTest, WhereOneBatchIsTooManyBatchesBecomeSmaller) {
  Pace pace;
  pace.restart(4, 24, 64 * 1024);
  MonoTime now{1s};
  pace.answered(now, now += 100ms);
  for (int i = 0; i < 20; ++i) {
    const auto sent_at = now;
    pace.answered(sent_at, now += 2s);
  }
  EXPECT_EQ(pace.window(), 1u);
  EXPECT_EQ(pace.bytes(), Pace::kSmallest);
  for (int i = 0; i < 100; ++i) {
    const auto sent_at = now;
    pace.answered(sent_at, now += 120ms);
  }
  EXPECT_EQ(pace.window(), 24u);
  EXPECT_EQ(pace.bytes(), 64u * 1024);
}

TEST_F(PaceTest, ALedgerBacklogIsPacedToo) {
  settings.window = 32;
  settings.backlog_start = 4;
  make();
  connect();
  store(Stream::ledger, 400);
  EXPECT_EQ(of(Stream::ledger).in_flight, 4u) << "not 32 times 64 KiB on a line that may be slow";
  answer(60, 500ms);
  EXPECT_LE(of(Stream::ledger).in_flight, 2u);
  for (auto& batch : sent()) line.push_back(batch.tag);
  for (int round = 0; round < 60; ++round) {
    timers.advance(50ms);
    for (const auto tag : std::exchange(line, {})) uplink->acknowledged(tag, 0);
    for (auto& batch : sent()) line.push_back(batch.tag);
    store(Stream::ledger, 80);
  }
  EXPECT_EQ(of(Stream::ledger).in_flight, 32u) << "all of the window where the line keeps up";
}

/// A line of so many bytes a second, with nothing but what the pump sends on it.
class SlowLine : public UplinkTest {
 protected:
  static constexpr double kBytesASecond = 3'200;  // 26 kbit/s
  /// Lives for so long; whoever is cut off comes back at once.
  void live(std::chrono::seconds time) {
    for (const auto end = clock.mono() + time; clock.mono() < end; timers.advance(100ms)) {
      if (cuts < publisher.reconnects.size()) {
        cuts = publisher.reconnects.size();
        done = publisher.messages.size();
        carried = 0;
        uplink->disconnected("");
        connect();
      }
      carried += kBytesASecond / 10;
      while (done < publisher.messages.size()) {
        const auto& message = publisher.messages[done];
        if (carried < static_cast<double>(message.payload.size())) break;
        carried -= static_cast<double>(message.payload.size());
        ++done;
        uplink->acknowledged(message.tag, 0);
      }
      if (done == publisher.messages.size()) carried = 0;
    }
  }
  std::size_t done = 0, cuts = 0;
  double carried = 0;
};

// Each connection began anew with 64 KiB, of which no one was carried within 20 s: nothing was ever drained.
TEST_F(SlowLine, ABacklogDrainsOnALineThatCarriesLittle) {
  settings.max_batch_rows = 500;
  settings.backlog_start = 4;
  make();
  for (int i = 0; i < 3'000; ++i)
    outbox.rows[Stream::ledger].push_back({{Stream::ledger, "x.y", "", R"({"x":")" + std::string(200, 'x') + "\"}"},
                                           ++last[Stream::ledger],
                                           clock.wall()});
  uplink->stored(Stream::ledger, last[Stream::ledger], 0);
  connect();
  live(120s);
  EXPECT_LE(publisher.reconnects.size(), 2u);
  EXPECT_GT(of(Stream::ledger).acked, 300u);
  const auto cut_off = publisher.reconnects.size();
  live(120s);
  EXPECT_EQ(publisher.reconnects.size(), cut_off) << "it has learned what the line carries";
  EXPECT_GT(of(Stream::ledger).acked, 900u);
}

/// An ingester that stores so many rows a second and says every `interval` how far it is, while there is always more.
std::uint64_t settled(double rows_a_second, std::chrono::milliseconds interval) {
  Reach reach;
  MonoTime now{1s};
  double acked = 0, sent = 0, told = 0;
  for (int i = 0; i < 100; ++i, now += interval) {
    sent = told + static_cast<double>(reach.rows());
    acked = std::min(sent, acked + rows_a_second * std::chrono::duration<double>(interval).count());
    reach.moved(static_cast<std::uint64_t>(acked - told), now);
    told = acked;
  }
  return reach.rows();
}

// Whoever said every 5 s how far they were got 1,600 rows a second, however many they could take.
TEST(ReachTest, GrowsWithWhatIsStoredBetweenTwoWatermarks) {
  EXPECT_NEAR(static_cast<double>(settled(6'000, 5s)), 6'000 * 6, 600) << "5 s and one ahead";
  EXPECT_EQ(settled(100'000, 5s), Reach::kMost);
  EXPECT_EQ(settled(500, 5s), Reach::kFewest) << "a slow one is not run over";
  EXPECT_NEAR(static_cast<double>(settled(10'000, 50ms)), 10'500, 200) << "who says it often needs little more";
}

TEST(ReachTest, BeginsAnewWithAConnection) {
  Reach reach;
  for (int i = 1; i < 10; ++i) reach.moved(30'000, MonoTime{std::chrono::seconds{5 * i}});
  EXPECT_GT(reach.rows(), 30'000u);
  reach.restart();
  EXPECT_EQ(reach.rows(), Reach::kFewest);
}

}  // namespace
}  // namespace foyer::sync
