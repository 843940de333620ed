#include "drivers/mosquitto/mosquitto.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "drivers/mosquitto/backoff.hpp"
#include "drivers/mosquitto/client.hpp"

namespace foyer::drivers::mosquitto {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kTick{1000};  // mosquitto_loop_misc wants to be called about once a second

/// An eventfd that a thread sleeps on.
class Wake {
 public:
  Wake() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Wake() {
    if (fd_ >= 0) close(fd_);
  }
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  int fd() const { return fd_; }
  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);  // full means it is ringing already
  }
  void quiet() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
  }

 private:
  const int fd_;
};

/// What the files are like, as far as stat(2) tells: enough to see that one was replaced.
class Files {
 public:
  explicit Files(const Settings& settings) : paths_(settings.files), every_(settings.look_at_files) {}

  void begin() {
    known_ = latest_ = look();
    next_ = Steady::now() + every_;
  }
  /// True once they have changed since begin() and stood still for a look: not between a certificate and its key.
  bool changed() {
    if (paths_.empty() || Steady::now() < next_) return false;
    next_ = Steady::now() + every_;
    const auto before = std::exchange(latest_, look());
    return latest_ != known_ && latest_ == before;
  }

 private:
  using Look = std::vector<std::array<std::int64_t, 4>>;
  Look look() const {
    Look all;
    for (const auto& path : paths_) {
      struct stat info {};
      if (stat(path.c_str(), &info) != 0) info = {};
      all.push_back({static_cast<std::int64_t>(info.st_ino), static_cast<std::int64_t>(info.st_size),
                     static_cast<std::int64_t>(info.st_mtim.tv_sec), static_cast<std::int64_t>(info.st_mtim.tv_nsec)});
    }
    return all;
  }

  const std::vector<std::string> paths_;
  const milliseconds every_;
  Look known_, latest_;
  Steady::time_point next_{};
};

/// The thread and what it shares with its Publisher. Owned by both, because a thread that the library blocks in a name
/// look-up outlives its Publisher.
class Line final : public Client::Listener {
 public:
  Line(Settings settings, ports::PublisherEvents& events)
      : settings_(std::move(settings)),
        backoff_(settings_.backoff_min, settings_.backoff_max, settings_.random),
        files_(settings_),
        events_(events) {}

  void run();

  bool publish(ports::OutboundMessage message) {
    {
      std::lock_guard lock(mutex_);
      if (!connected_ || stopping_ || queue_.size() >= settings_.max_queue) return false;
      queue_.push_back(std::move(message));
    }
    wake_.ring();
    return true;
  }
  void reconnect(const std::string& why) {
    {
      std::lock_guard lock(mutex_);
      if (connected_) cut_ = why;
    }
    wake_.ring();
  }
  /// False: the thread did not end in time; it reports nothing more.
  bool stop(milliseconds deadline);

  void acknowledged(std::uint64_t tag, std::uint8_t reason_code) override {
    report([&](auto& events) { events.on_acknowledged(tag, reason_code); });
  }
  void received(ports::InboundMessage message) override {
    report([&](auto& events) { events.on_received(std::move(message)); });
  }

 private:
  std::string one_connection();
  Result<bool> serve(Client& client, Steady::time_point began);
  Result<bool> send_queued(Client& client);
  Result<bool> leave(Client& client, bool queue_empty);
  void wait(const Client* client, milliseconds timeout, short& revents) const;
  void set_connected(bool connected);
  void pause(milliseconds length) const;
  bool stopping() const { return stopping_; }

  template <class Fn>
  void report(Fn fn) {
    std::lock_guard lock(report_mutex_);
    if (!abandoned_) fn(events_);
  }

  const Settings settings_;
  Backoff backoff_;                             ///< the thread's own
  Files files_;                                 ///< the thread's own
  std::optional<Steady::time_point> up_since_;  ///< the thread's own
  Wake wake_;

  // The two mutexes are this driver's crossing between threads. mutex_: the queue and the requests. report_mutex_:
  // whether events_ may still be called; held during the call, so that after stop() none is under way.
  std::mutex mutex_;
  std::deque<ports::OutboundMessage> queue_;
  bool connected_ = false;
  std::optional<std::string> cut_;  ///< reconnect() asked for it, and why
  Steady::time_point leave_by_{};
  std::atomic<bool> stopping_ = false;
  bool ended_ = false;
  std::condition_variable ended_changed_;

  std::mutex report_mutex_;
  bool abandoned_ = false;
  ports::PublisherEvents& events_;
  bool goodbye_begun_ = false;  ///< the thread's own
};

void Line::run() {
  // Signals are the core's. And SIGPIPE, which TLS raises here on a broken connection, must not end the process.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);

  while (!stopping()) {
    up_since_.reset();
    const auto why = one_connection();
    set_connected(false);
    report([&](auto& events) { events.on_disconnected(why); });
    if (up_since_ && Steady::now() - *up_since_ >= settings_.settled) backoff_.reset();
    if (!stopping()) pause(backoff_.next());
  }
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ended_changed_.notify_all();
}

/// Lives through one connection; returns why it ended.
std::string Line::one_connection() {
  Client client(settings_, *this);
  files_.begin();
  if (const auto sent = client.connect(); !sent)
    return fmt::format("{}:{}: {}", settings_.host, settings_.port, sent.error().message);
  const auto began = Steady::now();  // a slow TCP must not use up the time for the answer
  while (true) {
    const auto more = serve(client, began);
    if (!more) return fmt::format("{}:{}: {}", settings_.host, settings_.port, more.error().message);
    if (!*more) return "stopped";
  }
}

/// One turn of the loop. False: the connection was ended on purpose.
Result<bool> Line::serve(Client& client, Steady::time_point began) {
  short revents = 0;
  wait(&client, goodbye_begun_ || !client.up() ? milliseconds{50} : kTick, revents);
  if (auto turned = client.turn(revents); !turned) return fail(turned);
  bool connected = false;
  std::optional<std::string> cut;
  {
    std::lock_guard lock(mutex_);
    connected = connected_;
    cut = std::exchange(cut_, std::nullopt);
  }
  if (cut) return fail(Code::retry, "{}", *cut);
  if (files_.changed()) return fail(Code::retry, "a certificate or the password was renewed");
  if (!client.up()) {
    if (stopping()) return false;
    if (Steady::now() - began > settings_.connect_timeout)
      return fail(Code::retry, "no answer from the broker within {} ms", settings_.connect_timeout.count());
    return true;
  }
  if (!connected) {
    up_since_ = Steady::now();
    set_connected(true);
    report([&](auto& events) { events.on_connected(client.link()); });
  }
  return send_queued(client);
}

Result<bool> Line::send_queued(Client& client) {
  while (client.has_room()) {
    std::optional<ports::OutboundMessage> message;
    {
      std::lock_guard lock(mutex_);
      if (!queue_.empty()) {
        message = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    if (!message) return stopping() ? leave(client, true) : Result<bool>(true);
    if (auto sent = client.publish(*message); !sent) return fail(sent);
  }
  return stopping() ? leave(client, false) : Result<bool>(true);
}

/// On the way out: what is queued, then the goodbye, then DISCONNECT. Out of time: no DISCONNECT, so that the broker
/// says goodbye for us, by the will.
Result<bool> Line::leave(Client& client, bool queue_empty) {
  if (queue_empty && !goodbye_begun_) {
    goodbye_begun_ = true;
    if (auto said = client.say_goodbye(); !said) return fail(said);
  }
  if (client.said_goodbye()) {
    client.disconnect();
    return false;
  }
  std::lock_guard lock(mutex_);
  return Steady::now() < leave_by_;
}

void Line::wait(const Client* client, milliseconds timeout, short& revents) const {
  pollfd fds[2] = {{wake_.fd(), POLLIN, 0}, {-1, 0, 0}};
  if (client != nullptr) fds[1] = {client->fd(), client->wanted(), 0};
  poll(fds, 2, static_cast<int>(timeout.count()));
  if ((fds[0].revents & POLLIN) != 0) wake_.quiet();
  revents = fds[1].revents;
}

void Line::set_connected(bool connected) {
  std::lock_guard lock(mutex_);
  connected_ = connected;
  queue_.clear();
  cut_.reset();
}

void Line::pause(milliseconds length) const {
  const auto until = Steady::now() + length;
  while (!stopping()) {
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now());
    if (left.count() <= 0) return;
    short revents = 0;
    wait(nullptr, left, revents);
  }
}

bool Line::stop(milliseconds deadline) {
  const auto until = Steady::now() + deadline;
  {
    std::lock_guard lock(mutex_);
    leave_by_ = until - std::min(deadline / 4, milliseconds{200});  // the rest is for ending the thread
    stopping_ = true;
  }
  wake_.ring();
  bool ended = false;
  {
    std::unique_lock lock(mutex_);
    ended = ended_changed_.wait_until(lock, until, [this] { return ended_; });
  }
  if (!ended) {
    std::lock_guard lock(report_mutex_);
    abandoned_ = true;
  }
  return ended;
}

class MosquittoPublisher final : public ports::Publisher {
 public:
  explicit MosquittoPublisher(Settings settings) : settings_(std::move(settings)) {}
  ~MosquittoPublisher() override { stop(milliseconds{1000}); }

  Result<void> start(ports::PublisherEvents& events) override {
    if (line_) return fail(Code::refuse, "the publisher was started already");
    if (settings_.host.empty()) return fail(Code::refuse, "the broker's host is empty");
    if (settings_.keepalive < std::chrono::seconds{5} || settings_.keepalive > std::chrono::seconds{UINT16_MAX})
      return fail(Code::refuse, "keepalive of {} s: 5 s to {} s are allowed", settings_.keepalive.count(), UINT16_MAX);
    line_ = std::make_shared<Line>(settings_, events);
    thread_ = std::thread([line = line_] { line->run(); });
    return {};
  }

  bool publish(ports::OutboundMessage message) override { return line_ && line_->publish(std::move(message)); }
  void reconnect(const std::string& why) override {
    if (line_) line_->reconnect(why);
  }

  void stop(milliseconds deadline) override {
    if (!thread_.joinable()) return;
    if (line_->stop(deadline))
      thread_.join();
    else
      thread_.detach();
  }

 private:
  const Settings settings_;
  std::shared_ptr<Line> line_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ports::Publisher> make_publisher(Settings settings) {
  return std::make_unique<MosquittoPublisher>(std::move(settings));
}

}  // namespace foyer::drivers::mosquitto
