#include "drivers/sim/publisher.hpp"

#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "base/mailbox.hpp"

namespace foyer::drivers::sim {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMailbox = 8192;  // inbound messages and requests waiting; more are refused
constexpr milliseconds kIdle{1000};     // everything that matters wakes the thread

/// What publish() asks, on any thread.
struct Gauge {
  std::atomic<bool> connected = false;
  std::atomic<std::size_t> waiting = 0;  ///< messages that have no place in the window yet
};

/// What the thread owns and does: one connection after another.
class Worker {
 public:
  Worker(const PublisherSettings& settings, Broker& broker, ports::PublisherEvents& events, Gauge& gauge)
      : settings_(settings), broker_(broker), events_(events), gauge_(gauge) {}

  /// How long there is nothing to do unless something comes.
  milliseconds idle() const { return gauge_.connected || !broker_.up() ? kIdle : settings_.backoff; }

  void look() {
    if (gauge_.connected && !broker_.up()) cut("the broker is down");
    if (!gauge_.connected && broker_.up() && Clock::now() >= next_attempt_) connect();
    while (gauge_.connected && !broker_.frozen() && !in_flight_.empty()) answer();
    while (gauge_.connected && !queue_.empty() && in_flight_.size() < settings_.receive_maximum) {
      in_flight_.push_back(std::move(queue_.front()));
      queue_.pop_front();
      --gauge_.waiting;
      if (!broker_.frozen()) answer();
    }
  }

  void add(ports::OutboundMessage message) {
    if (gauge_.connected)
      queue_.push_back(std::move(message));
    else
      --gauge_.waiting;
    look();
  }

  void received(ports::InboundMessage message) {
    if (gauge_.connected) events_.on_received(std::move(message));
  }

  void cut(const std::string& why) {
    if (!gauge_.connected) return;
    drop();
    if (broker_.up()) say(settings_.will_topic, settings_.will_payload);
    next_attempt_ = Clock::now() + settings_.backoff;
    events_.on_disconnected(why);
  }

  void leave() {
    if (!gauge_.connected) return;
    look();
    say(settings_.will_topic, settings_.will_payload);
    drop();
    events_.on_disconnected("stopped");
  }

 private:
  void connect() {
    gauge_.connected = true;
    for (auto& message : broker_.retained_for(settings_.subscriptions)) events_.on_received(std::move(message));
    events_.on_connected({settings_.receive_maximum, false});
  }
  void answer() {
    const auto message = std::move(in_flight_.front());
    in_flight_.pop_front();
    const auto reason = broker_.take(message);
    if (message.tag != 0) events_.on_acknowledged(message.tag, reason);
  }
  void drop() {
    gauge_.connected = false;
    gauge_.waiting -= queue_.size();
    queue_.clear();
    in_flight_.clear();
  }
  void say(const std::string& topic, const std::string& payload) {
    if (topic.empty()) return;
    ports::OutboundMessage message;
    message.topic = topic;
    message.payload = payload;
    message.retain = true;
    broker_.take(message);
  }

  const PublisherSettings& settings_;
  Broker& broker_;
  ports::PublisherEvents& events_;
  std::deque<ports::OutboundMessage> queue_, in_flight_;
  Gauge& gauge_;
  Clock::time_point next_attempt_{};
};

class SimPublisher final : public ports::Publisher {
 public:
  SimPublisher(PublisherSettings settings, Broker& broker) : settings_(std::move(settings)), broker_(broker) {}
  ~SimPublisher() override { stop(milliseconds{1000}); }

  Result<void> start(ports::PublisherEvents& events) override {
    if (thread_.joinable()) return fail(Code::refuse, "the publisher was started already");
    worker_.emplace(settings_, broker_, events, gauge_);
    client_ = broker_.attach(
        settings_.subscriptions,
        [this](ports::InboundMessage message) {
          (void)box_.try_post([this, message = std::move(message)] { worker_->received(message); });
        },
        [this] { (void)box_.try_post([] {}); });
    thread_ = std::thread([this] { run(); });
    return {};
  }

  bool publish(ports::OutboundMessage message) override {
    if (!gauge_.connected) return false;
    if (gauge_.waiting.fetch_add(1) < settings_.max_queue &&
        box_.try_post([this, message = std::move(message)] { worker_->add(message); }))
      return true;
    --gauge_.waiting;
    return false;
  }

  void reconnect(const std::string& why) override {
    (void)box_.try_post([this, why] { worker_->cut(why); });
  }

  void stop(milliseconds) override {
    if (!thread_.joinable()) return;
    broker_.detach(client_);
    (void)box_.try_post([this] {
      worker_->leave();
      ended_ = true;
    });
    thread_.join();
    box_.close();
  }

 private:
  void run() {
    while (!ended_) {
      worker_->look();
      box_.wait_and_drain(worker_->idle());
    }
  }

  const PublisherSettings settings_;
  Broker& broker_;
  Mailbox box_{kMailbox};
  std::optional<Worker> worker_;  ///< the thread's own
  bool ended_ = false;            ///< the thread's own
  std::thread thread_;
  std::uint64_t client_ = 0;
  Gauge gauge_;
};

}  // namespace

std::unique_ptr<ports::Publisher> make_publisher(PublisherSettings settings, Broker& broker) {
  return std::make_unique<SimPublisher>(std::move(settings), broker);
}

}  // namespace foyer::drivers::sim
