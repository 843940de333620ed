// What is sent when, and what a PUBACK lets go.
#include "uplink_world.hpp"

namespace foyer::sync {
namespace {

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
    const auto probe = sent();
    ASSERT_EQ(probe.size(), 1u) << "one batch, to see whether it is taken now";
    EXPECT_EQ(probe[0].last, 2u);
    uplink->acknowledged(probe[0].tag, 0);
    EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
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
  EXPECT_EQ(ranges(), (Ranges{{3, 4}}));
}

// A window of 2 MiB went again every 5 s for as long as nobody was subscribed.
TEST_F(UplinkTest, WhatIsRefusedAgainAndAgainIsTriedEverMoreSeldomAndOneBatchAtATime) {
  make();
  store(Stream::ledger, 60);
  connect();
  for (const auto& batch : sent()) uplink->acknowledged(batch.tag, 0x10);
  for (const auto delay : {5s, 10s, 20s, 40s, 80s, 120s, 120s}) {
    timers.advance(delay - 1ms);
    ASSERT_TRUE(sent().empty()) << delay.count();
    timers.advance(1ms);
    const auto probe = sent();
    ASSERT_EQ(probe.size(), 1u) << delay.count();
    uplink->acknowledged(probe[0].tag, 0x10);
  }
  EXPECT_EQ(of(Stream::ledger).acked, 0u);
  timers.advance(120s);
  uplink->acknowledged(sent().at(0).tag, 0);
  EXPECT_GT(sent().size(), 4u) << "taken: all of the window is used again";
}

TEST_F(UplinkTest, AQuickRefusalIsNoSignOfAQuickLine) {
  settings.backlog_start = 4;
  make();
  store(Stream::presence, 400);
  connect();
  const auto before = uplink->status().backlog_window;
  for (const auto& batch : sent()) uplink->acknowledged(batch.tag, 0x10);
  EXPECT_EQ(uplink->status().backlog_window, before);
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

}  // namespace
}  // namespace foyer::sync
