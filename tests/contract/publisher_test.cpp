// What every Publisher promises, on the one in memory and on libmosquitto with a real broker.
#include "ports/publisher.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "drivers/mosquitto/mosquitto.hpp"
#include "drivers/sim/publisher.hpp"
#include "support/broker.hpp"
#include "support/mqtt_client.hpp"

namespace foyer {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 15s;  // a deadline, not a wait
const std::string kBase = "foyer/v1/acme/store-001/gw-01";
const std::string kOffline = R"({"online":false})";

class Events final : public ports::PublisherEvents {
 public:
  void on_connected(const ports::PublisherLink& link) override {
    change([&] { links.push_back(link); });
  }
  void on_disconnected(const std::string& reason) override {
    change([&] { reasons.push_back(reason); });
  }
  void on_acknowledged(std::uint64_t tag, std::uint8_t code) override {
    change([&] { acks.emplace_back(tag, code); });
  }
  void on_received(ports::InboundMessage message) override {
    change([&] { received.push_back(std::move(message)); });
  }
  template <class Fn>
  bool wait(Fn done, std::chrono::milliseconds deadline = kPatience) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, deadline, done);
  }
  bool wait_connected(std::size_t times = 1) {
    return wait([&] { return links.size() >= times; });
  }
  std::size_t count() {
    std::lock_guard lock(mutex);
    return links.size() + reasons.size() + acks.size() + received.size();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<ports::PublisherLink> links;
  std::vector<std::string> reasons;
  std::vector<std::pair<std::uint64_t, std::uint8_t>> acks;
  std::vector<ports::InboundMessage> received;

 private:
  template <class Fn>
  void change(Fn fn) {
    std::lock_guard lock(mutex);
    fn();
    changed.notify_all();
  }
};

struct Seen {
  std::string topic, payload, content_type, correlation;
};

/// A broker with someone listening upstream, and the publishers for it.
class World {
 public:
  virtual ~World() = default;
  virtual std::unique_ptr<ports::Publisher> publisher(std::size_t max_queue = 256) = 0;
  virtual void up() = 0;
  virtual void down() = 0;
  virtual void freeze() = 0;
  virtual void thaw() = 0;
  virtual void listen() = 0;  ///< from now on somebody subscribes to everything
  virtual void send(const ports::InboundMessage& message) = 0;
  virtual bool wait(std::function<bool(const std::vector<Seen>&)> done) = 0;
};

class SimWorld final : public World {
 public:
  explicit SimWorld(bool up) {
    broker_.set_up(up);
    broker_.set_listening(false);
  }
  std::unique_ptr<ports::Publisher> publisher(std::size_t max_queue) override {
    drivers::sim::PublisherSettings settings;
    settings.will_topic = kBase + "/state";
    settings.will_payload = kOffline;
    settings.subscriptions = {kBase + "/down/#"};
    settings.max_queue = max_queue;
    return make_publisher(std::move(settings), broker_);
  }
  void up() override { broker_.set_up(true); }
  void down() override { broker_.set_up(false); }
  void freeze() override { broker_.set_frozen(true); }
  void thaw() override { broker_.set_frozen(false); }
  void listen() override { broker_.set_listening(true); }
  void send(const ports::InboundMessage& message) override { broker_.send(message); }
  bool wait(std::function<bool(const std::vector<Seen>&)> done) override {
    return broker_.wait(
        [&](const auto& messages) {
          std::vector<Seen> seen;
          for (const auto& one : messages) seen.push_back({one.topic, one.payload, one.content_type, one.correlation});
          return done(seen);
        },
        kPatience);
  }

 private:
  drivers::sim::Broker broker_;
};

class MosquittoWorld final : public World {
 public:
  explicit MosquittoWorld(bool up) : broker_({}, up ? test::Broker::Start::now : test::Broker::Start::later) {}
  std::unique_ptr<ports::Publisher> publisher(std::size_t max_queue) override {
    drivers::mosquitto::Settings settings;
    settings.host = "127.0.0.1";
    settings.port = broker_.port();
    settings.client_id = "gw-01";
    settings.will_topic = kBase + "/state";
    settings.will_payload = kOffline;
    settings.subscriptions = {kBase + "/down/#"};
    settings.backoff_min = 10ms;
    settings.backoff_max = 50ms;
    settings.max_queue = max_queue;
    return drivers::mosquitto::make_publisher(std::move(settings));
  }
  void up() override { broker_.start(); }
  void down() override { broker_.kill(); }
  void freeze() override { broker_.freeze(); }
  void thaw() override { broker_.thaw(); }
  void listen() override {
    client_ = std::make_unique<test::MqttClient>(broker_.port(), std::vector<std::string>{"foyer/#"});
    ASSERT_TRUE(client_->wait_ready());
  }
  void send(const ports::InboundMessage& message) override {
    if (!client_) listen();
    client_->publish(
        {message.topic, message.payload, "", message.correlation, message.response_topic, 1, message.retained});
    // Only when the broker has it: a retained one must be there before somebody subscribes.
    ASSERT_TRUE(wait([&](const auto& seen) {
      return std::any_of(seen.begin(), seen.end(), [&](const Seen& one) { return one.topic == message.topic; });
    }));
  }
  bool wait(std::function<bool(const std::vector<Seen>&)> done) override {
    return client_->wait(
        [&](const auto& messages) {
          std::vector<Seen> seen;
          for (const auto& one : messages) seen.push_back({one.topic, one.payload, one.content_type, one.correlation});
          return done(seen);
        },
        kPatience);
  }

 private:
  test::Broker broker_;
  std::unique_ptr<test::MqttClient> client_;
};

enum class Driver { sim, mosquitto };

class PublisherContract : public testing::TestWithParam<Driver> {
 protected:
  std::unique_ptr<World> world(bool up = true) {
    if (GetParam() == Driver::sim) return std::make_unique<SimWorld>(up);
    return std::make_unique<MosquittoWorld>(up);
  }
  static ports::OutboundMessage message(std::uint64_t tag, std::string payload) {
    ports::OutboundMessage one;
    one.tag = tag;
    one.topic = kBase + "/up/ledger";
    one.payload = std::move(payload);
    one.content_type = "application/cloudevents-batch+json";
    return one;
  }
};

TEST_P(PublisherContract, ConnectsAndAMessageArrivesWholeAndIsAcknowledged) {
  auto broker = world();
  broker->listen();
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  EXPECT_GE(events.links[0].receive_maximum, 1);

  auto sent = message(7, "[1]");
  sent.correlation = std::string("a\0b", 3);
  ASSERT_TRUE(publisher->publish(sent));
  ASSERT_TRUE(events.wait([&] { return events.acks.size() == 1; }));
  EXPECT_EQ(events.acks[0], std::pair(std::uint64_t{7}, std::uint8_t{0}));
  ASSERT_TRUE(broker->wait([&](const auto& seen) {
    return std::any_of(seen.begin(), seen.end(), [&](const Seen& one) {
      return one.topic == sent.topic && one.payload == "[1]" && one.content_type == sent.content_type &&
             one.correlation == sent.correlation;
    });
  }));
}

TEST_P(PublisherContract, OrderIsKept) {
  auto broker = world();
  broker->listen();
  Events events;
  auto publisher = broker->publisher(1000);
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  for (std::uint64_t i = 1; i <= 300; ++i) ASSERT_TRUE(publisher->publish(message(i, std::to_string(i))));
  ASSERT_TRUE(events.wait([&] { return events.acks.size() == 300; }));
  ASSERT_TRUE(broker->wait([](const auto& seen) { return seen.size() >= 300; }));
  std::vector<std::string> payloads;
  broker->wait([&](const auto& seen) {
    for (const auto& one : seen) payloads.push_back(one.payload);
    return true;
  });
  for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(payloads[i], std::to_string(i + 1));
}

TEST_P(PublisherContract, NobodyListeningIsSaidByTheReasonCode) {
  auto broker = world();
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  ASSERT_TRUE(publisher->publish(message(1, "[]")));
  ASSERT_TRUE(events.wait([&] { return events.acks.size() == 1; }));
  EXPECT_EQ(events.acks[0].second, 0x10);
}

TEST_P(PublisherContract, ADownlinkMessageArrivesOnceConnectedAndWhatIsRetainedToo) {
  auto broker = world();
  broker->send({kBase + "/down/campaign/lunch", "{}", "", "", true});
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  ASSERT_TRUE(events.wait([&] { return !events.received.empty(); }));
  EXPECT_EQ(events.received[0].topic, kBase + "/down/campaign/lunch");
  EXPECT_TRUE(events.received[0].retained);

  broker->send({kBase + "/down/command", R"({"command":"status"})", "reply/here", "c1", false});
  ASSERT_TRUE(events.wait([&] { return events.received.size() == 2; }));
  EXPECT_EQ(events.received[1].payload, R"({"command":"status"})");
  EXPECT_EQ(events.received[1].response_topic, "reply/here");
  EXPECT_EQ(events.received[1].correlation, "c1");
  EXPECT_FALSE(events.received[1].retained);
}

TEST_P(PublisherContract, NothingIsTakenWithoutAConnection) {
  auto broker = world(false);
  Events events;
  auto publisher = broker->publisher();
  EXPECT_FALSE(publisher->publish(message(1, "[]"))) << "not started";
  ASSERT_TRUE(publisher->start(events));
  EXPECT_FALSE(publisher->publish(message(1, "[]"))) << "not connected";
  EXPECT_FALSE(publisher->start(events)) << "started twice";
}

TEST_P(PublisherContract, ABrokerThatComesUpLaterIsFound) {
  auto broker = world(false);
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  broker->up();
  ASSERT_TRUE(events.wait_connected());
}

TEST_P(PublisherContract, ALostBrokerIsSaidAndFoundAgain) {
  auto broker = world();
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  broker->down();
  ASSERT_TRUE(events.wait([&] { return !events.reasons.empty(); }));
  EXPECT_FALSE(events.reasons[0].empty());
  EXPECT_FALSE(publisher->publish(message(1, "[]")));
  broker->up();
  ASSERT_TRUE(events.wait_connected(2));
}

TEST_P(PublisherContract, ReconnectMakesANewConnectionAndTheWillIsSaid) {
  auto broker = world();
  broker->listen();
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  publisher->reconnect("no PUBACK");
  ASSERT_TRUE(events.wait([&] { return !events.reasons.empty(); }));
  EXPECT_NE(events.reasons[0].find("no PUBACK"), std::string::npos);
  ASSERT_TRUE(events.wait_connected(2));
  EXPECT_TRUE(broker->wait([](const auto& seen) {
    return std::any_of(seen.begin(), seen.end(),
                       [](const Seen& one) { return one.topic == kBase + "/state" && one.payload == kOffline; });
  }));
}

TEST_P(PublisherContract, TheQueueIsBoundedAndWhatWasTakenIsAnswered) {
  auto broker = world();
  broker->listen();
  Events events;
  auto publisher = broker->publisher(8);
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  broker->freeze();
  const std::size_t most = events.links[0].receive_maximum + 8u;
  // The thread moves messages from the queue to the window while we push, so an early refusal is not final.
  std::size_t taken = 0;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (taken < most && std::chrono::steady_clock::now() < until)
    if (publisher->publish(message(taken + 1, "[]")))
      ++taken;
    else
      std::this_thread::sleep_for(1ms);
  EXPECT_EQ(taken, most);
  EXPECT_FALSE(publisher->publish(message(taken + 1, "[]"))) << "window and queue are full";
  broker->thaw();
  ASSERT_TRUE(events.wait([&] { return events.acks.size() == taken; }));
}

TEST_P(PublisherContract, StopSaysGoodbyeAndThenNothingMore) {
  auto broker = world();
  broker->listen();
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  ASSERT_TRUE(events.wait_connected());
  ASSERT_TRUE(publisher->publish(message(1, "last words")));
  const auto began = std::chrono::steady_clock::now();
  publisher->stop(2s);
  EXPECT_LE(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_TRUE(broker->wait([](const auto& seen) {
    return seen.size() >= 2 && seen.back().topic == kBase + "/state" && seen.back().payload == kOffline &&
           seen[seen.size() - 2].payload == "last words";
  }));
  const auto before = events.count();
  EXPECT_FALSE(publisher->publish(message(2, "[]")));
  publisher->reconnect("too late");
  publisher->stop(2s);
  EXPECT_EQ(events.count(), before);
}

TEST_P(PublisherContract, StopDoesNotWaitForABrokerThatIsAway) {
  auto broker = world(false);
  Events events;
  auto publisher = broker->publisher();
  ASSERT_TRUE(publisher->start(events));
  const auto began = std::chrono::steady_clock::now();
  publisher->stop(2s);
  EXPECT_LE(std::chrono::steady_clock::now() - began, 2s);
}

INSTANTIATE_TEST_SUITE_P(Drivers, PublisherContract, testing::Values(Driver::sim, Driver::mosquitto),
                         [](const auto& driver) { return driver.param == Driver::sim ? "sim" : "mosquitto"; });

}  // namespace
}  // namespace foyer
