#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "gateway.hpp"
#include "support/manual_time.hpp"
#include "sync/uplink.hpp"

namespace foyer::sync {

using namespace std::chrono_literals;
using nlohmann::json;

/// A pump between a publisher and an outbox that do as they are told.
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
  void behind(Stream stream, std::uint64_t upto) override { ahead[stream] = upto; }
  void answer() {
    for (auto& one : std::exchange(waiting, {})) one();
  }

  bool later = false, failing = false;
  std::vector<std::function<void()>> waiting;
  std::map<Stream, std::vector<StoredEvent>> rows;
  std::map<Stream, std::uint64_t> forgotten, ahead;
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

}  // namespace foyer::sync
