// Application mode: only the ingester's word lets rows go.
#include "uplink_world.hpp"

namespace foyer::sync {
namespace {

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

TEST_F(WatermarkTest, AnIngesterThatStoresMuchBetweenTwoWatermarksGetsMore) {
  settings.max_batch_rows = 500;
  make();
  connect();
  store(Stream::presence, 60'000);
  std::uint64_t upto = 0, most = 0;
  for (int i = 0; i < 6; ++i) {
    for (auto batches = sent(); !batches.empty(); batches = sent())
      for (const auto& batch : batches) {
        upto = batch.last;
        uplink->acknowledged(batch.tag, 0);
      }
    most = std::max(most, of(Stream::presence).sent - of(Stream::presence).acked);
    timers.advance(5s);
    watermark(Stream::presence, mark(upto));
  }
  EXPECT_GT(most, 12'000u);
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
  EXPECT_EQ(outbox.ahead, (std::map<Stream, std::uint64_t>{{Stream::ledger, 5}})) << "told: we have not so much";
  EXPECT_FALSE(uplink->received({kBase + "/down/command", "{}", "", "", false}));
  EXPECT_TRUE(uplink->received({kBase + "/ack/other", mark(4), "", "", false}));
}

TEST_F(WatermarkTest, RowsThatCameBeforeTheWordOfTheirCommitAreStoredAllTheSame) {
  make();
  store(Stream::ledger, 1);
  outbox.rows[Stream::ledger].push_back({{Stream::ledger, "x.y", "", "{}"}, 2, clock.wall()});
  connect();
  watermark(Stream::ledger, mark(2));
  EXPECT_EQ(outbox.forgotten[Stream::ledger], 2u);
  EXPECT_TRUE(outbox.ahead.empty());
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

// Rows that were dropped stood between the watermark and all that came after them, and held back the rows behind.
TEST_F(WatermarkTest, RowsThatAreGoneCountAsAckedAndTakeNoPlaceInTheReach) {
  settings.max_batch_rows = 500;
  settings.max_batch_bytes = 1 << 20;
  make();
  connect();
  store(Stream::presence, 20'000);
  EXPECT_EQ(of(Stream::presence).sent, 8'000u);
  for (const auto& batch : sent()) uplink->acknowledged(batch.tag, 0);
  std::erase_if(outbox.rows[Stream::presence], [](const StoredEvent& row) { return row.seq <= 12'000; });
  uplink->stored(Stream::presence, 20'000, 12'000);
  EXPECT_EQ(of(Stream::presence).acked, 12'000u);
  EXPECT_EQ(of(Stream::presence).sent, 20'000u);
  watermark(Stream::presence, mark(20'000));
  EXPECT_EQ(outbox.forgotten[Stream::presence], 20'000u);
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
