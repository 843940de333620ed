#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "drivers/httplib/connection.hpp"
#include "drivers/httplib/exchange.hpp"
#include "drivers/httplib/httplib_server.hpp"
#include "drivers/httplib/tls.hpp"

namespace foyer::drivers::httplib {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr int kRequestsPerConnection = 5;
constexpr auto kKeepAlive = 2s;
constexpr auto kHandshakeTime = 2s;
constexpr auto kLinger = 200ms;
/// Connections that are being told 503; a further one is closed without a word, and the oldest goes when its time is
/// up.
constexpr std::size_t kMostShed = 64;
constexpr auto kShedTime = 300ms;
constexpr std::string_view kOverloaded =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: 58\r\n"
    "Retry-After: 2\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    R"({"type":"about:blank","status":503,"code":"overloaded"}   )";

/// Accepts on one thread of its own, and by workers that have just ended; workers start when they are first needed and
/// stay.
class Server final : public ports::HttpServer {
 public:
  ~Server() override { stop(); }
  Result<void> bind(const ports::HttpListen& listen) override;
  Result<void> serve(ports::HttpHandler handler) override;
  std::uint16_t port() const override { return listening_.port; }
  void stop() override;
  std::vector<std::pair<std::string, std::uint64_t>> counters() const override;

 private:
  struct Shed {
    Fd fd;
    SteadyClock::time_point until;
  };

  void accept_loop();
  void accept_all();
  void shed(Fd fd);
  void end_shed(const std::vector<pollfd>& polled, std::size_t first);
  bool enqueue(Accepted& from);
  Accepted next(Accepted served);
  void work();
  void talk(const Accepted& from, Exchange& exchange);
  Ssl new_tls();

  ports::HttpListen order_;
  Listening listening_;
  bool with_tls_ = false;
  SslContext tls_;  // replaced under mutex_ when the certificate is renewed; connections keep theirs
  Context context_;
  Fd wake_;
  std::thread acceptor_;
  std::vector<Shed> shed_;  // the acceptor's alone

  std::mutex mutex_;  // connections cross from the acceptor to the workers, and stop() must reach those being served
  std::condition_variable arrived_;
  std::deque<Accepted> queue_;
  std::unordered_set<int> open_;
  std::vector<std::thread> workers_;
  std::size_t idle_ = 0;
};

Result<void> Server::bind(const ports::HttpListen& listen) {
  const bool again = static_cast<bool>(listening_.fd);
  if (again && listen.address != order_.address)
    return fail(Code::fatal, "listen {}: bound to {} already", listen.address, order_.address);
  if (!listen.certificate.empty() || !listen.key.empty()) {
    if (again && !with_tls_) return fail(Code::fatal, "listen {}: serves without TLS already", listen.address);
    auto tls = make_tls(listen.certificate, listen.key);
    if (!tls) return fail(tls);
    std::lock_guard lock(mutex_);
    tls_ = std::move(*tls);
    with_tls_ = true;
  }
  if (again) return {};
  auto listening = open_listening(listen.address);
  if (!listening) return fail(listening);
  wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return fail(Code::fatal, "eventfd: {}", std::strerror(errno));
  listening_ = std::move(*listening);
  order_ = listen;
  return {};
}

Result<void> Server::serve(ports::HttpHandler handler) {
  if (!listening_.fd || acceptor_.joinable()) return fail(Code::fatal, "serve: bind first, and once");
  context_.handler = std::move(handler);
  context_.max_body = order_.max_body;
  acceptor_ = std::thread([this] { accept_loop(); });
  return {};
}

void Server::stop() {
  if (!listening_.fd) return;
  {
    std::lock_guard lock(mutex_);
    context_.stopping = true;
    queue_.clear();
    // httplib's waits see nothing but the socket: ending it is what wakes them.
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  arrived_.notify_all();
  ::eventfd_write(wake_.get(), 1);
  if (acceptor_.joinable()) acceptor_.join();
  for (auto& worker : workers_) worker.join();
  workers_.clear();
  if (!listening_.unix_path.empty()) ::unlink(listening_.unix_path.c_str());
  listening_ = {};
}

void Server::accept_loop() {
  while (!context_.stopping) {
    std::vector<pollfd> polled{{listening_.fd.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    for (const auto& one : shed_) polled.push_back({one.fd.get(), POLLIN, 0});
    const int timeout = shed_.empty() ? -1 : 50;
    if (::poll(polled.data(), polled.size(), timeout) < 0 && errno != EINTR) break;
    end_shed(polled, 2);
    if ((polled[0].revents & POLLIN) != 0 && !context_.stopping) accept_all();
  }
  shed_.clear();
}

void Server::accept_all() {
  for (;;) {
    auto from = accept_from(listening_.fd.get());
    if (!from.fd) {
      // Out of descriptors: the connection stays in the backlog, and we must not spin until one is free.
      if (errno == EMFILE || errno == ENFILE) {
        pollfd wake{wake_.get(), POLLIN, 0};
        ::poll(&wake, 1, 20);
      }
      return;
    }
    ++context_.counters.connections;
    if (!enqueue(from)) shed(std::move(from.fd));
  }
}

bool Server::enqueue(Accepted& from) {
  {
    std::lock_guard lock(mutex_);
    if (context_.stopping) return false;
    if (idle_ <= queue_.size() && workers_.size() < order_.workers) {
      workers_.emplace_back([this] { work(); });
      ++idle_;
    }
    if (queue_.size() >= idle_ + order_.queue) return false;
    queue_.push_back(std::move(from));
  }
  arrived_.notify_one();
  return true;
}

/// Says 503 once the request has come (an answer sent before it would be lost with the reset that close() causes).
void Server::shed(Fd fd) {
  ++context_.counters.overloaded;
  if (with_tls_ || shed_.size() >= kMostShed) return;
  shed_.push_back({std::move(fd), SteadyClock::now() + kShedTime});
}

void Server::end_shed(const std::vector<pollfd>& polled, std::size_t first) {
  const auto now = SteadyClock::now();
  std::vector<Shed> waiting;
  for (std::size_t i = 0; i < shed_.size(); ++i) {
    auto& one = shed_[i];
    const bool spoke = (polled[first + i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    if (!spoke && now < one.until) {
      waiting.push_back(std::move(one));
      continue;
    }
    char ignored[4096];
    (void)::recv(one.fd.get(), ignored, sizeof ignored, 0);
    (void)::send(one.fd.get(), kOverloaded.data(), kOverloaded.size(), MSG_NOSIGNAL);
    ::shutdown(one.fd.get(), SHUT_WR);
  }
  shed_ = std::move(waiting);
}

/// From the queue; when that is empty, straight from the backlog: under load no other thread is woken for it. Ends the
/// one that was served.
Accepted Server::next(Accepted served) {
  Accepted from;
  {
    std::lock_guard lock(mutex_);
    open_.erase(served.fd.get());  // before it is closed: stop() must never reach a number that was given out again
    if (!queue_.empty()) {
      from = std::move(queue_.front());
      queue_.pop_front();
    }
  }
  served = {};  // closing sends a packet: nobody waits for that
  if (from.fd) return from;
  from = accept_from(listening_.fd.get());
  if (from.fd) ++context_.counters.connections;
  return from;
}

void Server::work() {
  Exchange exchange(context_);
  std::unique_lock lock(mutex_);
  for (;;) {  // counted idle by who started it, later by itself
    arrived_.wait(lock, [this] { return !queue_.empty() || context_.stopping; });
    --idle_;
    Accepted from;
    while (!context_.stopping) {
      lock.unlock();
      from = next(std::move(from));
      lock.lock();
      if (!from.fd || context_.stopping) break;
      open_.insert(from.fd.get());
      lock.unlock();
      talk(from, exchange);
      lock.lock();
    }
    if (context_.stopping) return;
    ++idle_;
  }
}

Ssl Server::new_tls() {
  if (!with_tls_) return {};
  std::lock_guard lock(mutex_);
  return Ssl(SSL_new(tls_.get()));
}

void Server::talk(const Accepted& from, Exchange& exchange) {
  Connection connection(from.fd.get(), new_tls(), from.peer, listening_.port);
  if (!connection.handshake(SteadyClock::now() + kHandshakeTime)) {
    ++context_.counters.tls_failures;
    return;
  }
  exchange.attach(connection);
  for (int left = kRequestsPerConnection; left > 0 && !context_.stopping; --left) {
    if (!connection.wait_for_request(SteadyClock::now() + kKeepAlive)) break;
    if (!exchange.serve(left == 1)) break;
  }
  connection.finish(exchange.unread() ? SteadyClock::now() + kLinger : SteadyClock::time_point{});
}

std::vector<std::pair<std::string, std::uint64_t>> Server::counters() const {
  const auto& c = context_.counters;
  return {{"connections", c.connections},  {"requests", c.requests}, {"refused", c.refused},
          {"overloaded", c.overloaded},    {"timeouts", c.timeouts}, {"panics", c.panics},
          {"tls_failures", c.tls_failures}};
}

}  // namespace

std::unique_ptr<ports::HttpServer> make_server() { return std::make_unique<Server>(); }

}  // namespace foyer::drivers::httplib
