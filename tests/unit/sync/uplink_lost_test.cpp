// What is lost on the way, between pump, outbox and broker, goes again.
#include "uplink_world.hpp"

namespace foyer::sync {
namespace {

TEST_F(UplinkTest, AMissingPubackMakesANewConnectionAndAllGoesAgain) {
  make();
  store(Stream::ledger, 4);
  connect();
  const auto batches = sent();
  timers.advance(10s);
  uplink->acknowledged(batches[0].tag, 0);
  timers.advance(19s);
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

// A batch that waited behind others on a slow line was taken for lost, and the line that carried it was cut.
TEST_F(UplinkTest, BatchesThatAreAnsweredOneAfterTheOtherAreNotLate) {
  make();
  store(Stream::ledger, 40);
  connect();
  const auto batches = sent();
  ASSERT_GE(batches.size(), 4u);
  for (const auto& batch : batches) {
    timers.advance(15s);
    uplink->acknowledged(batch.tag, 0);
  }
  EXPECT_TRUE(publisher.reconnects.empty());
}

TEST_F(UplinkTest, APubackThatIsMissingWhileLaterOnesComeIsMissedInTime) {
  make();
  connect();
  store(Stream::ledger, 2);
  (void)sent();
  for (int i = 0; i < 3; ++i) {
    store(Stream::ledger, 2);
    timers.advance(5s);
    uplink->acknowledged(sent().front().tag, 0);
  }
  timers.advance(5s);
  EXPECT_EQ(publisher.reconnects.size(), 1u);
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

}  // namespace
}  // namespace foyer::sync
