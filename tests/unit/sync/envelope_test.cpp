#include "sync/envelope.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gateway.hpp"

namespace foyer::sync {
namespace {

using nlohmann::json;

StoredEvent event(std::uint64_t seq, std::string data = R"({"zone":"entrance"})", std::string subject = "s1") {
  return {{Stream::presence, "presence.entered", std::move(subject), std::move(data)},
          seq,
          from_unix_ms(1'795'314'634'120)};
}

TEST(Envelope, IsACloudEventWithExactlyTheseAttributes) {
  const auto parsed = json::parse(to_cloudevent(event(42), kIdentity));
  EXPECT_EQ(parsed, (json{{"specversion", "1.0"},
                          {"id", "gw-01/00112233445566aa/presence/42"},
                          {"source", "/acme/store-001/gw-01"},
                          {"type", "foyer.presence.entered.v1"},
                          {"time", "2026-11-22T02:30:34.120Z"},
                          {"subject", "s1"},
                          {"deliverbefore", "2026-11-29T02:30:34.120Z"},
                          {"datacontenttype", "application/json"},
                          {"data", {{"zone", "entrance"}}}}));
}

TEST(Envelope, HasNoSubjectWhereThereIsNone) {
  EXPECT_FALSE(json::parse(to_cloudevent(event(1, "{}", ""), kIdentity)).contains("subject"));
}

TEST(Envelope, TakesDataAsItIsWritten) {
  const std::string data = R"({ "amount" : 1.10, "z":1,"a":2 })";
  EXPECT_NE(to_cloudevent(event(1, data), kIdentity).find("\"data\":" + data), std::string::npos);
}

TEST(Envelope, DamagedDataDoesNotBreakTheBatch) {
  const std::vector<StoredEvent> events{event(1, R"({"cut":)"), event(2, "\xff\xfe"), event(3, ""),
                                        event(4, R"({},{"forged":1})"), event(5)};
  std::size_t taken = 0;
  const auto batch = json::parse(to_batch(events, kIdentity, 64 * 1024, taken));
  ASSERT_EQ(taken, 5u);
  ASSERT_EQ(batch.size(), 5u);
  EXPECT_EQ(batch[0]["data"]["unreadable"], R"({"cut":)");
  EXPECT_TRUE(batch[1]["data"].contains("unreadable"));
  EXPECT_EQ(batch[2]["data"], json::object());
  EXPECT_TRUE(batch[3]["data"].contains("unreadable"));
  EXPECT_EQ(batch[4]["data"]["zone"], "entrance");
}

TEST(Envelope, NamesAreEscaped) {
  auto odd = event(1);
  odd.event.subject = "a\"b\\\n\xff";
  EXPECT_TRUE(json::accept(to_cloudevent(odd, kIdentity)));
}

TEST(Batch, FillsTheLimitExactlyAndNotAByteMore) {
  const std::vector<StoredEvent> events{event(1), event(2), event(3)};
  const auto one = to_cloudevent(events[0], kIdentity).size();
  const auto two = 2 + 2 * one + 1;  // brackets and a comma
  std::size_t taken = 0;
  EXPECT_EQ(to_batch(events, kIdentity, two, taken).size(), two);
  EXPECT_EQ(taken, 2u);
  EXPECT_EQ(to_batch(events, kIdentity, two - 1, taken).size(), one + 2);
  EXPECT_EQ(taken, 1u);
}

TEST(Batch, OneLargerThanTheLimitGoesAlone) {
  const std::vector<StoredEvent> events{event(1, R"({"x":")" + std::string(500, 'x') + "\"}"), event(2)};
  std::size_t taken = 0;
  const auto batch = to_batch(events, kIdentity, 100, taken);
  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(json::parse(batch).size(), 1u);
}

TEST(Batch, OfNothingIsEmpty) {
  std::size_t taken = 9;
  EXPECT_EQ(to_batch({}, kIdentity, 100, taken), "[]");
  EXPECT_EQ(taken, 0u);
}

}  // namespace
}  // namespace foyer::sync
