#include "sync/lane.hpp"

#include <gtest/gtest.h>

namespace foyer::sync {
namespace {

std::vector<StoredEvent> rows(std::uint64_t first, std::uint64_t last) {
  std::vector<StoredEvent> rows;
  for (auto seq = first; seq <= last; ++seq) rows.push_back({{Stream::presence, "x.y", "", "{}"}, seq, {}});
  return rows;
}

// A stream stood still until something new was stored: the watermark of the connection before had overtaken every row
// that was on its way, and that was taken for an empty outbox.
TEST(Lane, RowsThatAWatermarkOvertookAreNoEmptyAnswer) {
  const MonoTime now{};
  Lane lane;
  lane.stored(6, 0, now);
  ASSERT_TRUE(lane.fetched(lane.begin_fetch(now).id, rows(1, 4)));
  lane.sent(1, 4, now);
  lane.rewind(now);
  const auto again = lane.begin_fetch(now);
  EXPECT_EQ(lane.watermark(2, now), true);
  ASSERT_TRUE(lane.fetched(again.id, rows(1, 2)));
  EXPECT_TRUE(lane.ready().empty());
  ASSERT_TRUE(lane.wants_rows());
  EXPECT_EQ(lane.begin_fetch(now).after, 2u);
}

TEST(Lane, AnEmptyAnswerIsNotAskedForAgainUntilThereIsMore) {
  const MonoTime now{};
  Lane lane;
  lane.stored(6, 0, now);
  ASSERT_TRUE(lane.fetched(lane.begin_fetch(now).id, {}));
  EXPECT_FALSE(lane.wants_rows());
  lane.stored(7, 0, now);
  EXPECT_TRUE(lane.wants_rows());
}

}  // namespace
}  // namespace foyer::sync
