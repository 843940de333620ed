#pragma once

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

/// The uplink of a shop over libmosquitto, its outbox in memory, and an ingester: for tests with a real broker.
namespace foyer {

using namespace std::chrono_literals;
using nlohmann::json;
using Strings = std::vector<std::string>;

inline constexpr auto kPatience = 30s;  // a deadline, not a wait
inline const sync::Identity kIdentity{"acme", "store-001", "gw-01", "00112233445566aa"};
inline const std::string kBase = "foyer/v1/acme/store-001/gw-01";

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

inline drivers::mosquitto::Settings line_settings(std::uint16_t port) {
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
inline void run(const Strings& arguments) {
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

inline void set_password(const test::Broker& broker, const std::string& user, const std::string& password) {
  const auto file = broker.dir() / "passwords";
  Strings command{"mosquitto_passwd", "-b", file.string(), user, password};
  if (!std::filesystem::exists(file)) command.insert(command.begin() + 1, "-c");
  run(command);
}

}  // namespace foyer
