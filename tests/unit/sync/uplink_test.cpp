#include "sync/uplink.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "support/manual_time.hpp"
#include "sync/pace.hpp"

namespace foyer::sync {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const Identity kIdentity{"acme", "store-001", "gw-01", "00112233445566aa"};
const std::string kBase = "foyer/v1/acme/store-001/gw-01";

class FakePublisher final : public ports::Publisher {
 public:
  Result<void> start(ports::PublisherEvents&) override { return {}; }
  bool publish(ports::OutboundMessage message) override {
    if (full) return false;
    messages.push_back(std::move(message));
    return true;
  }
  void reconnect(const std::string& why) override { reconnects.push_back(why); }
  void stop(std::chrono::milliseconds) override {}

  bool full = false;
  std::vector<ports::OutboundMessage> messages;
  std::vector<std::string> reconnects;
};

class FakeOutbox final : public Outbox {
 public:
  void fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
             std::function<void(Result<std::vector<StoredEvent>>)> done) override {
    ++running[stream];
    most_at_once = std::max(most_at_once, running[stream]);
    auto answer = [this, stream, after, max_rows, done = std::move(done)] {
      --running[stream];
      if (failing) return done(fail(Code::retry, "disk"));
      std::vector<StoredEvent> found;
      for (const auto& row : rows[stream])
        if (row.seq > after && found.size() < max_rows) found.push_back(row);
      done(std::move(found));
    };
    if (later)
      waiting.push_back(std::move(answer));
    else
      answer();
  }
  void forget(Stream stream, std::uint64_t upto) override {
    forgotten[stream] = upto;
    std::erase_if(rows[stream], [upto](const StoredEvent& row) { return row.seq <= upto; });
  }
  void answer() {
    for (auto& one : std::exchange(waiting, {})) one();
  }

  bool later = false, failing = false;
  std::vector<std::function<void()>> waiting;
  std::map<Stream, std::vector<StoredEvent>> rows;
  std::map<Stream, std::uint64_t> forgotten;
  std::map<Stream, int> running;
  int most_at_once = 0;
};

class UplinkTest : public testing::Test {
 protected:
  UplinkTest() {
    settings.identity = kIdentity;
    settings.version = "0.1.0";
    settings.since = "2026-11-22T02:30:00.000Z";
    settings.max_batch_rows = 2;  // so that a few rows are many batches
    settings.backlog_start = settings.window;
  }

  void make() { uplink = std::make_unique<Uplink>(settings, outbox, publisher, clock, timers); }
  /// A new world in the same test.
  void make_again() {
    outbox = FakeOutbox{};
    publisher = FakePublisher{};
    last.clear();
    seen = 0;
    make();
  }
  void store(Stream stream, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i)
      outbox.rows[stream].push_back({{stream, "x.y", "", "{}"}, ++last[stream], clock.wall()});
    uplink->stored(stream, last[stream], 0);
  }
  void connect(std::uint16_t receive_maximum = 100) { uplink->connected({receive_maximum, false}); }

  struct Sent {
    std::uint64_t tag;
    Stream stream;
    std::uint64_t first, last;
    bool operator==(const Sent&) const = default;
  };
  /// The batches published since the last call.
  std::vector<Sent> sent() {
    std::vector<Sent> batches;
    for (; seen < publisher.messages.size(); ++seen) {
      const auto& message = publisher.messages[seen];
      const auto prefix = kBase + "/up/";
      if (!message.topic.starts_with(prefix)) continue;
      const auto events = json::parse(message.payload);
      const auto seq = [](const json& event) {
        const auto id = event["id"].get<std::string>();
        return std::stoull(id.substr(id.rfind('/') + 1));
      };
      batches.push_back(
          {message.tag, *parse_stream(message.topic.substr(prefix.size())), seq(events.front()), seq(events.back())});
    }
    return batches;
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> result;
    for (const auto& batch : sent()) result.emplace_back(batch.first, batch.last);
    return result;
  }
  void watermark(Stream stream, const std::string& payload) {
    EXPECT_TRUE(uplink->received({kBase + "/ack/" + std::string(to_string(stream)), payload, "", "", false}));
  }
  static std::string mark(std::uint64_t upto, const std::string& epoch = kIdentity.epoch) {
    return json{{"epoch", epoch}, {"upto", upto}}.dump();
  }
  UplinkStatus::PerStream of(Stream stream) { return uplink->status().streams.at(stream); }

  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  test::ManualClock clock;
  test::ManualTimers timers{clock};
  Settings settings;
  FakeOutbox outbox;
  FakePublisher publisher;
  std::map<Stream, std::uint64_t> last;
  std::size_t seen = 0;
  std::unique_ptr<Uplink> uplink;
};

TEST_F(UplinkTest, SaysItIsOnlineFirstOnEachConnection) {
  make();
  store(Stream::ledger, 1);
  EXPECT_TRUE(publisher.messages.empty()) << "nothing before there is a connection";
  connect();
  ASSERT_EQ(publisher.messages.size(), 2u);
  const auto& state = publisher.messages[0];
  EXPECT_EQ(state.topic, kBase + "/state");
  EXPECT_TRUE(state.retain);
  EXPECT_EQ(state.tag, 0u);
  EXPECT_EQ(json::parse(state.payload),
            (json{{"online", true}, {"version", "0.1.0"}, {"since", "2026-11-22T02:30:00.000Z"}}));
  const auto& batch = publisher.messages[1];
  EXPECT_EQ(batch.topic, kBase + "/up/ledger");
  EXPECT_EQ(batch.qos, 1);
  EXPECT_FALSE(batch.retain);
  EXPECT_EQ(batch.content_type, "application/cloudevents-batch+json");
  uplink->disconnected("gone");
  connect();
  EXPECT_EQ(publisher.messages[2].topic, kBase + "/state");
}

TEST_F(UplinkTest, ForgetsOnlyTheContiguousPrefixWhenAcksComeOutOfOrder) {
  make();
  store(Stream::ledger, 6);
  connect();
  const auto batches = sent();
  ASSERT_EQ(batches.size(), 3u);
  uplink->acknowledged(batches[2].tag, 0);
  uplink->acknowledged(batches[1].tag, 0);
  EXPECT_FALSE(outbox.forgotten.contains(Stream::ledger));
  EXPECT_EQ(of(Stream::ledger).acked, 0u);
  uplink->acknowledged(batches[0].tag, 0);
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 6u);
  EXPECT_EQ(of(Stream::ledger).acked, 6u);
  EXPECT_EQ(of(Stream::ledger).in_flight, 0u);
  EXPECT_TRUE(sent().empty());
}

TEST_F(UplinkTest, KeepsWhatTheBrokerDidNotTakeAndSendsItAgainAfterTheDelay) {
  for (const std::uint8_t code : std::array<std::uint8_t, 4>{0x10, 0x80, 0x87, 0x97}) {
    make_again();
    store(Stream::ledger, 4);
    connect();
    const auto batches = sent();
    ASSERT_EQ(batches.size(), 2u);
    uplink->acknowledged(batches[0].tag, code);
    uplink->acknowledged(batches[1].tag, 0);
    EXPECT_FALSE(outbox.forgotten.contains(Stream::ledger)) << "rows behind the refused ones are not a prefix";
    EXPECT_EQ(of(Stream::ledger).refused, 1u);
    EXPECT_EQ(of(Stream::ledger).sent, 0u);
    EXPECT_FALSE(uplink->status().last_error.empty());
    timers.advance(4999ms);
    EXPECT_TRUE(sent().empty());
    timers.advance(1ms);
    EXPECT_EQ(ranges(), (Ranges{{1, 2}, {3, 4}}));
    EXPECT_EQ(of(Stream::ledger).resent, 4u);
  }
}

TEST_F(UplinkTest, ARefusalLeavesWhatWentBeforeItInFlight) {
  make();
  store(Stream::ledger, 6);
  connect();
  const auto batches = sent();
  uplink->acknowledged(batches[1].tag, 0x97);
  EXPECT_EQ(of(Stream::ledger).sent, 2u);
  uplink->acknowledged(batches[0].tag, 0);
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 2u);
  uplink->acknowledged(batches[2].tag, 0);
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 2u);
  timers.advance(5s);
  EXPECT_EQ(ranges(), (Ranges{{3, 4}, {5, 6}}));
}

TEST_F(UplinkTest, ARefusalOfOneStreamDoesNotHoldBackTheOthers) {
  make();
  connect();
  store(Stream::presence, 1);
  uplink->acknowledged(sent()[0].tag, 0x10);
  store(Stream::presence, 1);
  EXPECT_TRUE(sent().empty());
  store(Stream::ledger, 1);
  EXPECT_EQ(sent().size(), 1u);
}

TEST_F(UplinkTest, TheWindowIsTheSmallerOfOursAndTheBrokersLessAReserve) {
  settings.window = 5;
  make();
  store(Stream::ledger, 100);
  connect(100);
  EXPECT_EQ(sent().size(), 5u);
  uplink->disconnected("");
  connect(7);
  EXPECT_EQ(sent().size(), 3u);
  uplink->disconnected("");
  connect(1);
  const auto one = sent();
  ASSERT_EQ(one.size(), 1u) << "never nothing";
  uplink->acknowledged(one[0].tag, 0);
  EXPECT_EQ(sent().size(), 1u) << "a place that is free is used at once";
}

TEST_F(UplinkTest, LedgerGoesBeforePresenceBeforeHealth) {
  settings.window = settings.backlog_start = 100;
  make();
  store(Stream::health, 2);
  store(Stream::presence, 2);
  store(Stream::ledger, 2);
  connect(200);
  const auto batches = sent();
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].stream, Stream::ledger);
  EXPECT_EQ(batches[1].stream, Stream::presence);
  EXPECT_EQ(batches[2].stream, Stream::health);
}

TEST_F(UplinkTest, ALiveLedgerEventOvertakesABacklog) {
  settings.window = 8;
  make();
  store(Stream::presence, 1000);
  connect();
  EXPECT_EQ(sent().size(), 6u) << "a quarter of the window stays free for the ledger";
  store(Stream::ledger, 1);
  const auto live = sent();
  ASSERT_EQ(live.size(), 1u);
  EXPECT_EQ(live[0].stream, Stream::ledger);
}

TEST_F(UplinkTest, TheNextFreePlaceIsTheLedgersAlsoWhenItsRowsComeLate) {
  settings.window = 1;
  make();
  store(Stream::presence, 10);
  connect();
  const auto first = sent();
  outbox.later = true;
  store(Stream::ledger, 1);
  outbox.answer();
  uplink->acknowledged(first[0].tag, 0);
  const auto next = sent();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].stream, Stream::ledger);
}

TEST_F(UplinkTest, DrainsEveryStreamInOrderWithOneFetchAtATime) {
  settings.window = 4;
  outbox.later = true;
  make();
  for (const auto stream : kStreams) store(stream, 25);
  connect();
  std::map<Stream, std::uint64_t> arrived;
  for (int turn = 0; turn < 1000; ++turn) {
    outbox.answer();
    const auto batches = sent();
    for (const auto& batch : batches) {
      EXPECT_EQ(batch.first, arrived[batch.stream] + 1);
      arrived[batch.stream] = batch.last;
    }
    for (const auto& batch : batches) uplink->acknowledged(batch.tag, 0);
  }
  EXPECT_EQ(outbox.most_at_once, 1);
  for (const auto stream : kStreams) {
    EXPECT_EQ(arrived[stream], 25u);
    EXPECT_EQ(outbox.forgotten[stream], 25u);
    EXPECT_EQ(of(stream).resent, 0u);
  }
}

TEST_F(UplinkTest, AMissingPubackMakesANewConnectionAndAllGoesAgain) {
  make();
  store(Stream::ledger, 4);
  connect();
  const auto batches = sent();
  timers.advance(10s);
  uplink->acknowledged(batches[0].tag, 0);
  timers.advance(9s);
  EXPECT_TRUE(publisher.reconnects.empty());
  timers.advance(1s);
  ASSERT_EQ(publisher.reconnects.size(), 1u);
  EXPECT_FALSE(uplink->status().connected);
  timers.advance(1min);
  EXPECT_EQ(publisher.reconnects.size(), 1u) << "once is enough";
  uplink->disconnected("no PUBACK");
  connect();
  EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
}

TEST_F(UplinkTest, TheTimeoutCountsFromEachBatchsOwnSending) {
  make();
  connect();
  for (int i = 0; i < 10; ++i) {
    store(Stream::ledger, 1);
    const auto batches = sent();
    timers.advance(15s);
    uplink->acknowledged(batches[0].tag, 0);
  }
  EXPECT_TRUE(publisher.reconnects.empty());
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 10u);
}

TEST_F(UplinkTest, ADisconnectForgetsWhatIsInFlightAndLateAcksOfItMeanNothing) {
  make();
  store(Stream::ledger, 4);
  connect();
  const auto old = sent();
  uplink->disconnected("cut");
  EXPECT_EQ(of(Stream::ledger).in_flight, 0u);
  EXPECT_EQ(of(Stream::ledger).sent, 0u);
  EXPECT_EQ(uplink->status().last_error, "cut");
  uplink->acknowledged(old[0].tag, 0);
  connect();
  uplink->acknowledged(old[1].tag, 0);
  EXPECT_FALSE(outbox.forgotten.contains(Stream::ledger));
  EXPECT_EQ(ranges(), (Ranges{{1, 2}, {3, 4}}));
}

TEST_F(UplinkTest, RowsFetchedForAnEarlierConnectionAreNotSentTwice) {
  outbox.later = true;
  make();
  store(Stream::ledger, 2);
  connect();
  uplink->disconnected("");
  connect();
  outbox.answer();  // of the first connection, which is not wanted any more, and of the second
  EXPECT_EQ(ranges(), (Ranges{{1, 2}}));
  outbox.answer();
  EXPECT_TRUE(sent().empty());
}

TEST_F(UplinkTest, ALostAnswerIsAskedForAgainOnANewConnection) {
  outbox.later = true;
  make();
  store(Stream::ledger, 2);
  connect();
  auto late = std::exchange(outbox.waiting, {});
  ASSERT_EQ(late.size(), 1u);
  uplink->disconnected("");
  connect();
  ASSERT_EQ(outbox.waiting.size(), 1u);
  outbox.answer();
  EXPECT_EQ(ranges(), (Ranges{{1, 2}}));
  late[0]();
  EXPECT_TRUE(sent().empty()) << "the answer of an older fetch is ignored";
  store(Stream::ledger, 2);
  outbox.answer();
  EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
}

TEST_F(UplinkTest, ALostAnswerIsAskedForAgainAfterAWhile) {
  outbox.later = true;
  make();
  store(Stream::ledger, 2);
  connect();
  outbox.waiting.clear();
  timers.advance(29s);
  EXPECT_TRUE(outbox.waiting.empty());
  timers.advance(1s);
  ASSERT_EQ(outbox.waiting.size(), 1u);
  outbox.answer();
  EXPECT_EQ(ranges(), (Ranges{{1, 2}}));
}

TEST_F(UplinkTest, AnOlderFetchThatFailsLateHoldsNothingBack) {
  outbox.later = true;
  make();
  store(Stream::ledger, 2);
  connect();
  auto late = std::exchange(outbox.waiting, {});
  uplink->disconnected("");
  connect();
  outbox.failing = true;
  late[0]();
  outbox.failing = false;
  outbox.answer();
  EXPECT_EQ(ranges(), (Ranges{{1, 2}}));
}

TEST_F(UplinkTest, RowsOnTheirWayWhenTheCursorGoesBackDoNotOvertake) {
  outbox.later = true;
  make();
  store(Stream::ledger, 4);
  connect();
  outbox.answer();
  EXPECT_EQ(ranges(), (Ranges{{1, 2}})) << "3 and 4 are on their way";
  uplink->disconnected("");
  connect();
  for (int i = 0; i < 3; ++i) outbox.answer();
  EXPECT_EQ(ranges(), (Ranges{{1, 2}, {3, 4}}));
}

TEST_F(UplinkTest, AGapInTheRowsIsSteppedOver) {
  make();
  store(Stream::presence, 10);
  auto& rows = outbox.rows[Stream::presence];
  std::erase_if(rows, [](const StoredEvent& row) { return row.seq > 1 && row.seq < 8; });
  connect();
  const auto batches = sent();
  ASSERT_EQ(batches.size(), 2u);
  for (const auto& batch : batches) uplink->acknowledged(batch.tag, 0);
  EXPECT_EQ(outbox.forgotten[Stream::presence], 10u);
}

TEST_F(UplinkTest, AnEmptyAnswerIsNotAskedForAgainUntilThereIsMore) {
  make();
  connect();
  uplink->stored(Stream::health, 5, 0);  // all of them were dropped meanwhile
  EXPECT_TRUE(sent().empty());
  last[Stream::health] = 5;
  store(Stream::health, 1);
  EXPECT_EQ(ranges(), (Ranges{{6, 6}}));
}

TEST_F(UplinkTest, AFailedFetchIsTriedAgain) {
  outbox.failing = true;
  make();
  store(Stream::ledger, 1);
  connect();
  EXPECT_NE(uplink->status().last_error.find("disk"), std::string::npos);
  outbox.failing = false;
  timers.advance(5s);
  EXPECT_EQ(ranges(), (Ranges{{1, 1}}));
}

TEST_F(UplinkTest, AFullPublisherIsTriedAgain) {
  make();
  store(Stream::ledger, 1);
  publisher.full = true;
  connect();
  EXPECT_TRUE(publisher.messages.empty());
  publisher.full = false;
  timers.advance(1s);
  ASSERT_EQ(publisher.messages.size(), 2u);
  EXPECT_EQ(publisher.messages[0].topic, kBase + "/state");
}

TEST_F(UplinkTest, StartsAfterWhatTheLedgerSaysIsAcked) {
  make();
  last[Stream::ledger] = 10;
  outbox.rows[Stream::ledger].push_back({{Stream::ledger, "x.y", "", "{}"}, 11, clock.wall()});
  uplink->stored(Stream::ledger, 11, 10);
  connect();
  EXPECT_EQ(ranges(), (Ranges{{11, 11}}));
}

TEST_F(UplinkTest, AnAnswerAfterItsEndIsIgnored) {
  outbox.later = true;
  make();
  store(Stream::ledger, 1);
  connect();
  uplink.reset();
  outbox.answer();
  EXPECT_EQ(sent().size(), 0u);
}

// application mode ---------------------------------------------------------------------------------------------

// ---- pace ----------------------------------------------------------------------------------------------------

/// A line that takes so long for each batch, one after the other.
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

TEST_F(UplinkTest, TellsItsWindowAndWhenRowsWereAcknowledged) {
  make();
  EXPECT_EQ(uplink->status().window, 0u);
  connect(20);
  EXPECT_EQ(uplink->status().window, 16u);
  store(Stream::ledger, 1);
  EXPECT_FALSE(of(Stream::ledger).acked_at);
  timers.advance(1s);
  uplink->acknowledged(sent().front().tag, 0);
  EXPECT_EQ(of(Stream::ledger).acked_at, clock.wall());
}

class WatermarkTest : public UplinkTest {
 protected:
  WatermarkTest() { settings.acknowledge = Acknowledge::application; }
};

TEST_F(WatermarkTest, APubackOnlyFreesTheWindow) {
  settings.window = 1;
  make();
  store(Stream::ledger, 4);
  connect();
  const auto first = sent();
  ASSERT_EQ(first.size(), 1u);
  uplink->acknowledged(first[0].tag, 0);
  EXPECT_FALSE(outbox.forgotten.contains(Stream::ledger));
  EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
  watermark(Stream::ledger, mark(2));
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 2u);
  watermark(Stream::ledger, mark(4));
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 4u);
}

TEST_F(WatermarkTest, ASlowIngesterIsNotRunOver) {
  settings.max_batch_rows = 500;
  settings.max_batch_bytes = 1 << 20;
  settings.window = settings.backlog_start = 1000;
  make();
  connect(2000);
  store(Stream::presence, 10'000);
  EXPECT_EQ(sent().back().last, 8'000u) << "the rest waits here, not in the broker";
  for (std::uint64_t tag = 1; tag <= 16; ++tag) uplink->acknowledged(tag, 0);
  EXPECT_TRUE(sent().empty()) << "a PUBACK is no confirmation";
  store(Stream::ledger, 1);
  EXPECT_EQ(sent().size(), 1u);
  watermark(Stream::presence, mark(4'000));
  EXPECT_EQ(sent().back().last, 10'000u);
}

TEST_F(WatermarkTest, WhatIsNotBelievedIsCountedAndForgetsNothing) {
  make();
  store(Stream::ledger, 4);
  connect();
  watermark(Stream::ledger, mark(2));
  const std::vector<std::string> bad{mark(1),
                                     mark(5),
                                     mark(4, "ffffffffffffffff"),
                                     mark(4, "00112233445566AA"),
                                     "",
                                     "4",
                                     R"({"upto":4})",
                                     R"({"epoch":"00112233445566aa"})",
                                     R"({"epoch":"00112233445566aa","upto":-1})",
                                     R"({"epoch":"00112233445566aa","upto":4.0})",
                                     R"({"epoch":"00112233445566aa","upto":"4"})",
                                     R"({"epoch":"00112233445566aa","upto":4,"missing":[3]})",
                                     R"({"epoch":"00112233445566aa","upto":99999999999999999999})",
                                     mark(4) + std::string(300, ' ')};
  for (const auto& payload : bad) watermark(Stream::ledger, payload);
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 2u);
  EXPECT_EQ(of(Stream::ledger).ignored, bad.size());
  EXPECT_FALSE(uplink->received({kBase + "/down/command", "{}", "", "", false}));
  EXPECT_TRUE(uplink->received({kBase + "/ack/other", mark(4), "", "", false}));
}

TEST_F(WatermarkTest, StandingStillSendsAgainFromAckedOn) {
  make();
  store(Stream::ledger, 4);
  connect();
  for (const auto& batch : sent()) uplink->acknowledged(batch.tag, 0);
  watermark(Stream::ledger, mark(2));
  timers.advance(29s);
  EXPECT_TRUE(sent().empty());
  timers.advance(1s);
  const auto again = sent();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].first, 3u);
  EXPECT_EQ(of(Stream::ledger).resent, 2u);
  uplink->acknowledged(again[0].tag, 0);
  watermark(Stream::ledger, mark(4));
  timers.advance(10min);
  EXPECT_TRUE(sent().empty()) << "all is acked";
  EXPECT_EQ(timers.pending(), 0u);
}

TEST_F(WatermarkTest, WhatWasSentAndNotAckedGoesAgainOnANewConnection) {
  make();
  store(Stream::ledger, 4);
  connect();
  for (const auto& batch : sent()) uplink->acknowledged(batch.tag, 0);
  watermark(Stream::ledger, mark(2));
  uplink->disconnected("");
  connect();
  EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
}

TEST_F(WatermarkTest, AnIngesterThatRemembersAnEarlierRunIsBelievedAsFarAsWasSent) {
  settings.window = 1;
  make();
  store(Stream::ledger, 6);
  connect();
  const auto first = sent();
  watermark(Stream::ledger, mark(4));
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 2u);
  uplink->acknowledged(first[0].tag, 0);
  EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 4u);
}

TEST_F(WatermarkTest, ARefusalSendsAgainButKeepsWhatIsAcked) {
  make();
  store(Stream::ledger, 4);
  connect();
  const auto batches = sent();
  uplink->acknowledged(batches[0].tag, 0);
  watermark(Stream::ledger, mark(2));
  uplink->acknowledged(batches[1].tag, 0x10);
  timers.advance(5s);
  EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
}

TEST_F(UplinkTest, InBrokerModeAWatermarkIsNotAskedFor) {
  make();
  store(Stream::ledger, 2);
  connect();
  watermark(Stream::ledger, mark(2));
  EXPECT_FALSE(outbox.forgotten.contains(Stream::ledger));
  EXPECT_EQ(of(Stream::ledger).ignored, 1u);
}

}  // namespace
}  // namespace foyer::sync
