// The uplink over libmosquitto to a real broker that is away, wrong, killed, mute or frozen.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/mailbox.hpp"
#include "drivers/mosquitto/backoff.hpp"
#include "drivers/mosquitto/mosquitto.hpp"
#include "paths.hpp"
#include "support/broker.hpp"
#include "support/manual_time.hpp"
#include "support/mqtt_client.hpp"
#include "sync/downlink.hpp"
#include "sync/uplink.hpp"

namespace foyer {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Strings = std::vector<std::string>;

constexpr auto kPatience = 30s;  // a deadline, not a wait
const sync::Identity kIdentity{"acme", "store-001", "gw-01", "00112233445566aa"};
const std::string kBase = "foyer/v1/acme/store-001/gw-01";

class MemoryOutbox final : public sync::Outbox {
 public:
  void add(Stream stream, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto seq = ++last[stream];
      rows[stream].emplace(seq,
                           StoredEvent{{stream, "test.event", "s", json{{"n", seq}}.dump()}, seq, from_unix_ms(0)});
    }
  }
  void fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
             std::function<void(Result<std::vector<StoredEvent>>)> done) override {
    std::vector<StoredEvent> found;
    for (auto it = rows[stream].upper_bound(after); it != rows[stream].end() && found.size() < max_rows; ++it)
      found.push_back(it->second);
    done(std::move(found));
  }
  void behind(Stream, std::uint64_t) override {}
  void forget(Stream stream, std::uint64_t upto) override {
    rows[stream].erase(rows[stream].begin(), rows[stream].upper_bound(upto));
  }
  bool empty() const {
    return std::all_of(rows.begin(), rows.end(), [](const auto& stream) { return stream.second.empty(); });
  }

  std::map<Stream, std::map<std::uint64_t, StoredEvent>> rows;
  std::map<Stream, std::uint64_t> last;
};

drivers::mosquitto::Settings line_settings(std::uint16_t port) {
  drivers::mosquitto::Settings settings;
  settings.host = "127.0.0.1";
  settings.port = port;
  settings.client_id = "gw-01";
  settings.will_topic = kBase + "/state";
  settings.will_payload = R"({"online":false})";
  settings.subscriptions = sync::subscriptions(kIdentity);
  settings.backoff_min = 10ms;
  settings.backoff_max = 100ms;
  return settings;
}

/// A gateway's upper half: the test's thread is its core.
class Shop final : public ports::PublisherEvents {
 public:
  explicit Shop(drivers::mosquitto::Settings line, sync::Settings settings = {}) {
    settings.identity = kIdentity;
    settings.refused_delay = 100ms;
    publisher_ = drivers::mosquitto::make_publisher(std::move(line));
    uplink_ = std::make_unique<sync::Uplink>(settings, outbox, *publisher_, clock_, timers_);
    EXPECT_TRUE(publisher_->start(*this));
  }
  ~Shop() override { publisher_->stop(2s); }

  void store(Stream stream, std::uint64_t count) {
    outbox.add(stream, count);
    uplink_->stored(stream, outbox.last[stream], 0);
  }
  template <class Fn>
  bool run_until(Fn done, std::chrono::milliseconds deadline = kPatience) {
    const auto began = std::chrono::steady_clock::now();
    auto before = began;
    while (!done()) {
      box_.wait_and_drain(10ms);
      const auto now = std::chrono::steady_clock::now();
      timers_.advance(now - before);
      before = now;
      if (now - began > deadline) return false;
    }
    return true;
  }
  bool saw_reason(const std::string& part) const {
    return std::any_of(reasons.begin(), reasons.end(),
                       [&](const auto& reason) { return reason.find(part) != std::string::npos; });
  }
  sync::Uplink& uplink() { return *uplink_; }
  ports::Publisher& publisher() { return *publisher_; }

  void on_connected(const ports::PublisherLink& link) override {
    post([this, link] {
      ++connections;
      uplink_->connected(link);
    });
  }
  void on_disconnected(const std::string& reason) override {
    post([this, reason] {
      reasons.push_back(reason);
      uplink_->disconnected(reason);
    });
  }
  void on_acknowledged(std::uint64_t tag, std::uint8_t code) override {
    post([this, tag, code] { uplink_->acknowledged(tag, code); });
  }
  void on_received(ports::InboundMessage message) override {
    post([this, message] {
      if (!uplink_->received(message)) received.push_back(message);
    });
  }

  MemoryOutbox outbox;
  int connections = 0;
  Strings reasons;
  std::vector<ports::InboundMessage> received;

 private:
  void post(std::function<void()> task) { EXPECT_TRUE(box_.try_post(std::move(task))); }

  test::ManualClock clock_;  // moved by the real one
  test::ManualTimers timers_{clock_};
  Mailbox box_{100'000};
  std::unique_ptr<ports::Publisher> publisher_;
  std::unique_ptr<sync::Uplink> uplink_;
};

/// Takes events in, each id once, and says how far it has them without a gap when asked to.
class Ingester {
 public:
  Ingester(std::uint16_t port, bool watermarks, test::MqttClient::Options options = {"ingester", "", "", 3600})
      : watermarks_(watermarks), client_(port, {kBase + "/up/+"}, options, [this](auto& client, const auto& message) {
          take(client, message);
        }) {}
  bool ready() { return client_.wait_ready(); }
  std::size_t count(Stream stream) {
    std::lock_guard lock(mutex_);
    return seqs_[stream].size();
  }
  bool in_order() {
    std::lock_guard lock(mutex_);
    return in_order_;
  }
  /// All of 1 to n, nothing else.
  bool whole(Stream stream, std::uint64_t n) {
    std::lock_guard lock(mutex_);
    const auto& seqs = seqs_[stream];
    return seqs.size() == n && *seqs.begin() == 1 && *seqs.rbegin() == n;
  }

 private:
  void take(test::MqttClient& client, const test::MqttMessage& message) {
    const auto name = message.topic.substr(message.topic.rfind('/') + 1);
    const auto stream = parse_stream(name).value();
    std::uint64_t upto = 0;
    {
      std::lock_guard lock(mutex_);
      for (const auto& event : json::parse(message.payload)) {
        const auto id = event.at("id").get<std::string>();
        const auto seq = event.at("data").at("n").get<std::uint64_t>();
        EXPECT_EQ(id, "gw-01/00112233445566aa/" + name + "/" + std::to_string(seq));
        if (!seqs_[stream].empty() && seq != *seqs_[stream].rbegin() + 1) in_order_ = false;
        seqs_[stream].insert(seq);
      }
      while (seqs_[stream].contains(upto_[stream] + 1)) ++upto_[stream];
      upto = upto_[stream];
    }
    if (watermarks_)
      client.publish(
          {kBase + "/ack/" + name, json{{"epoch", kIdentity.epoch}, {"upto", upto}}.dump(), "", "", "", 1, false});
  }

  const bool watermarks_;
  std::mutex mutex_;
  std::map<Stream, std::set<std::uint64_t>> seqs_;
  std::map<Stream, std::uint64_t> upto_;
  bool in_order_ = true;
  test::MqttClient client_;
};

/// Runs a program to its end. No shell.
void run(const Strings& arguments) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_EQ(status, 0) << arguments[0];
}

void set_password(const test::Broker& broker, const std::string& user, const std::string& password) {
  const auto file = broker.dir() / "passwords";
  Strings command{"mosquitto_passwd", "-b", file.string(), user, password};
  if (!std::filesystem::exists(file)) command.insert(command.begin() + 1, "-c");
  run(command);
}

TEST(Mosquitto, TenThousandEventsArriveInOrderAndLeaveTheOutbox) {
  test::Broker broker;
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(ingester.ready());
  Shop shop(line_settings(broker.port()));
  shop.store(Stream::ledger, 10'000);
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty() && ingester.count(Stream::ledger) == 10'000; }));
  EXPECT_TRUE(ingester.whole(Stream::ledger, 10'000));
  EXPECT_TRUE(ingester.in_order());
  EXPECT_EQ(shop.uplink().status().streams.at(Stream::ledger).resent, 0u);
}

TEST(Mosquitto, ABrokerThatIsDownAtBootIsFoundWhenItIsUp) {
  test::Broker broker({}, test::Broker::Start::later);
  Shop shop(line_settings(broker.port()));
  shop.store(Stream::ledger, 10);
  ASSERT_TRUE(shop.run_until([&] { return shop.reasons.size() >= 3; })) << "tried again and again";
  EXPECT_TRUE(shop.saw_reason("Connection refused")) << shop.reasons[0];
  EXPECT_TRUE(shop.saw_reason(std::to_string(broker.port()))) << "it says who refused";
  broker.start();
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(shop.run_until([&] { return ingester.whole(Stream::ledger, 10); }));
}

TEST(Mosquitto, AWrongPasswordIsNamedAndMendedWithoutARestart) {
  test::Broker broker({}, test::Broker::Start::later);
  set_password(broker, "gw-01", "old");
  broker.set_lines({"allow_anonymous false", "password_file " + (broker.dir() / "passwords").string()});
  broker.start();
  auto line = line_settings(broker.port());
  line.username = "gw-01";
  line.password = "new";
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.reasons.size() >= 3; }));
  EXPECT_TRUE(shop.saw_reason("Not authorized")) << shop.reasons[0];
  EXPECT_EQ(shop.connections, 0);
  set_password(broker, "gw-01", "new");
  broker.reload();
  EXPECT_TRUE(shop.run_until([&] { return shop.connections == 1; }));
}

TEST(Mosquitto, AKilledBrokerLosesNothingWhereTheIngesterAcknowledges) {
  test::Broker broker({"max_queued_messages 10000"});
  Ingester ingester(broker.port(), true);
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.acknowledge = sync::Acknowledge::application;
  settings.max_batch_rows = 10;
  settings.watermark_timeout = 1s;
  settings.puback_timeout = 3s;
  Shop shop(line_settings(broker.port()), settings);
  shop.store(Stream::ledger, 5'000);
  shop.store(Stream::presence, 1'000);
  for (const std::size_t upto : {1'000, 3'000}) {
    ASSERT_TRUE(shop.run_until([&] { return ingester.count(Stream::ledger) >= upto; }));
    ASSERT_FALSE(shop.outbox.empty()) << "still draining";
    broker.kill();
    ASSERT_TRUE(shop.run_until([&] { return !shop.uplink().status().connected; }));
    broker.start();
  }
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(ingester.whole(Stream::ledger, 5'000));
  EXPECT_TRUE(ingester.whole(Stream::presence, 1'000));
  EXPECT_GE(shop.connections, 3);
}

TEST(Mosquitto, NobodySubscribedKeepsTheRowsUntilSomebodyIs) {
  test::Broker broker;
  Shop shop(line_settings(broker.port()));
  shop.store(Stream::ledger, 100);
  ASSERT_TRUE(shop.run_until([&] { return shop.uplink().status().streams.at(Stream::ledger).refused >= 3; }));
  EXPECT_EQ(shop.outbox.rows[Stream::ledger].size(), 100u);
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(shop.run_until([&] { return ingester.whole(Stream::ledger, 100); }));
}

TEST(Mosquitto, AFrozenBrokerIsLeftWhenThePubackIsMissing) {
  test::Broker broker;
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.puback_timeout = 500ms;
  Shop shop(line_settings(broker.port()), settings);
  ASSERT_TRUE(shop.run_until([&] { return shop.connections == 1; }));
  broker.freeze();
  shop.store(Stream::ledger, 10);
  ASSERT_TRUE(shop.run_until([&] { return shop.saw_reason("no PUBACK within 500 ms"); }));
  broker.thaw();
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(shop.run_until([&] { return ingester.whole(Stream::ledger, 10); }));
}

TEST(Mosquitto, AKilledProcessIsSaidOfflineByItsWill) {
  test::Broker broker;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Shop shop(line_settings(broker.port()));
    shop.run_until([] { return false; }, 60s);
    _exit(0);
  }
  test::MqttClient observer(broker.port(), {kBase + "/state"});
  const auto last_says = [](bool online) {
    return [online](const auto& messages) {
      return !messages.empty() && json::parse(messages.back().payload).at("online") == online;
    };
  };
  EXPECT_TRUE(observer.wait(last_says(true)));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(observer.wait(last_says(false)));
  test::MqttClient late(broker.port(), {kBase + "/state"}, {"late", "", "", 0});
  EXPECT_TRUE(late.wait(last_says(false))) << "it is retained";
}

TEST(Mosquitto, TlsFaultsAreNamedAndMendedWithoutARestart) {
  test::Broker broker({}, test::Broker::Start::later);
  const auto path = [&](const char* name) { return (broker.dir() / name).string(); };
  for (const std::string name : {"good", "other"})
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path((name + ".key").c_str()),
         "-out", path((name + ".pem").c_str())});
  broker.set_lines({"certfile " + path("good.pem"), "keyfile " + path("good.key")});
  broker.start();
  auto line = line_settings(broker.port());
  line.tls = drivers::mosquitto::Tls{path("ca.pem"), "", ""};
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.saw_reason("ca.pem: No such file"); }));
  std::filesystem::copy_file(path("other.pem"), path("ca.pem"));
  ASSERT_TRUE(shop.run_until([&] { return shop.saw_reason("certificate verify failed"); })) << shop.reasons.back();
  EXPECT_EQ(shop.connections, 0);
  std::filesystem::copy_file(path("good.pem"), path("ca.pem"), std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(shop.run_until([&] { return shop.connections == 1; })) << shop.reasons.back();

  shop.store(Stream::ledger, 10);
  EXPECT_TRUE(shop.run_until([&] { return shop.uplink().status().streams.at(Stream::ledger).refused >= 1; }))
      << "nobody listens, but the broker's answers come over TLS";
}

TEST(Mosquitto, AServerThatHangsUpDuringTheHandshakeIsNamed) {
  test::Broker plain;  // no TLS there
  auto line = line_settings(plain.port());
  line.tls = drivers::mosquitto::Tls{};
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.reasons.size() >= 2; }));
  EXPECT_EQ(shop.connections, 0);
  EXPECT_FALSE(shop.reasons[0].empty());
}

TEST(Mosquitto, TheShippedAccessListLetsAGatewaySpeakOnlyForItself) {
  test::Broker broker({}, test::Broker::Start::later);
  for (const auto* user : {"gw-01", "gw-02", "ingester"}) set_password(broker, user, "secret");
  broker.set_lines({"allow_anonymous false", "password_file " + (broker.dir() / "passwords").string(),
                    "acl_file " FOYER_SOURCE_DIR "/config/mosquitto/foyer.acl"});
  broker.start();
  Ingester ingester(broker.port(), true, {"ingester", "ingester", "secret", 0});
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.acknowledge = sync::Acknowledge::application;
  auto line = line_settings(broker.port());
  line.username = "gw-02";  // configured as gw-01, but holding another gateway's secret
  line.password = "secret";
  {
    Shop impostor(line, settings);
    impostor.store(Stream::ledger, 3);
    ASSERT_TRUE(impostor.run_until([&] { return impostor.uplink().status().streams.at(Stream::ledger).refused >= 1; }));
    EXPECT_NE(impostor.uplink().status().last_error.find("0x87"), std::string::npos);
  }
  EXPECT_EQ(ingester.count(Stream::ledger), 0u);
  line.username = "gw-01";
  Shop shop(line, settings);
  shop.store(Stream::ledger, 3);
  EXPECT_TRUE(shop.run_until([&] { return shop.outbox.empty(); })) << "up, and the watermark down";
  EXPECT_TRUE(ingester.whole(Stream::ledger, 3));
}

TEST(Mosquitto, WhatIsTooLargeDoesNotComeDown) {
  test::Broker broker;
  auto line = line_settings(broker.port());
  line.max_packet = 10'000;
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.connections == 1; }));
  test::MqttClient sender(broker.port(), {});
  ASSERT_TRUE(sender.wait_ready());
  sender.publish({kBase + "/down/campaign/large", std::string(20'000, 'x'), "", "", "", 1, false});
  sender.publish({kBase + "/down/campaign/small", "{}", "", "", "", 1, false});
  ASSERT_TRUE(shop.run_until([&] { return !shop.received.empty(); }));
  EXPECT_EQ(shop.received[0].topic, kBase + "/down/campaign/small");
  EXPECT_EQ(shop.connections, 1);
}

TEST(Mosquitto, AMessageTheBrokerWouldNotTakeIsAnsweredAndTheLineStaysUp) {
  test::Broker broker({"max_packet_size 2000"});
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.max_batch_bytes = 4'000;
  Shop shop(line_settings(broker.port()), settings);
  shop.store(Stream::ledger, 100);
  ASSERT_TRUE(shop.run_until([&] { return shop.uplink().status().streams.at(Stream::ledger).refused >= 1; }));
  EXPECT_NE(shop.uplink().status().last_error.find("0x95"), std::string::npos);
  EXPECT_EQ(shop.connections, 1);
}

TEST(Mosquitto, TheFirstOfTwoWithOneIdSaysThatItLostTheLine) {
  test::Broker broker;
  auto slow = line_settings(broker.port());
  slow.backoff_min = slow.backoff_max = 60s;
  Shop first(slow);
  ASSERT_TRUE(first.run_until([&] { return first.connections == 1; }));
  Shop second(slow);
  EXPECT_TRUE(first.run_until([&] { return !first.reasons.empty(); }));
  EXPECT_FALSE(first.uplink().status().connected);
}

TEST(Backoff, IsAnywhereBetweenNothingAndADoublingLimit) {
  const auto zeros = [](std::span<std::uint8_t> out) { std::fill(out.begin(), out.end(), std::uint8_t{0}); };
  drivers::mosquitto::Backoff none(1s, 120s, zeros);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(none.next(), 0ms);
  drivers::mosquitto::Backoff backoff(1s, 120s, kernel_random);
  std::chrono::milliseconds limit = 1s;
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, 0ms);
    EXPECT_LE(pause, limit);
    seen.insert(pause.count());
    limit = std::min<std::chrono::milliseconds>(120s, limit * 2);
  }
  EXPECT_GT(seen.size(), 100u) << "jitter";
  backoff.reset();
  EXPECT_LE(backoff.next(), 1s);
}

}  // namespace
}  // namespace foyer
