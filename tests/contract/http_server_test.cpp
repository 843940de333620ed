#include "ports/http_server.hpp"

#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "drivers/httplib/httplib_server.hpp"
#include "support/files.hpp"
#include "support/http_wire.hpp"

namespace foyer {
namespace {

using namespace std::chrono_literals;
using test::Wire;
using SteadyClock = std::chrono::steady_clock;

ports::HttpListen at(std::string address, std::size_t workers = 192, std::size_t queue = 256) {
  ports::HttpListen listen;
  listen.address = std::move(address);
  listen.workers = workers;
  listen.queue = queue;
  return listen;
}

/// Holds handlers until it is opened.
class Latch {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, 10s, [this] { return open_; });
  }
  bool someone_waits() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [this] { return waiting_ > 0; });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

class Ticks final : public ports::HttpStream {
 public:
  bool next(std::string& out) override {
    if (count_++ < 3)
      out += "data: " + std::to_string(count_) + "\n\n";
    else
      std::this_thread::sleep_for(20ms);
    return true;
  }

 private:
  int count_ = 0;
};

class HttpServer : public testing::Test {
 protected:
  void start(ports::HttpListen listen = at("127.0.0.1:0")) {
    server = drivers::httplib::make_server();
    const auto bound = server->bind(listen);
    ASSERT_TRUE(bound) << bound.error().message;
    ASSERT_TRUE(server->serve([this](const ports::HttpRequest& request) { return answer(request); }));
  }
  void TearDown() override {
    latch.open();
    if (server) server->stop();
  }
  ports::HttpResponse answer(const ports::HttpRequest& request) {
    if (request.path == "/throw") throw std::runtime_error("secret of the house");
    if (request.path == "/throw-int") throw 7;
    if (request.path == "/wait") latch.wait();
    if (request.path == "/stream") return {200, {{"Content-Type", "text/event-stream"}}, {}, std::make_shared<Ticks>()};
    if (request.path == "/close") return {302, {{"Location", "/x"}, {"Connection", "close"}}, "go on", nullptr};
    if (request.path == "/big") return {200, {{"Content-Type", "text/html"}}, std::string(20'000, 'a'), nullptr};
    std::string echo = request.method + " " + request.path + " host=" + std::string(request.header("Host")) +
                       " from=" + to_string(request.remote) + " port=" + std::to_string(request.local_port) +
                       (request.http10 ? " http10" : "") + " forged=" + std::string(request.header("REMOTE_ADDR"));
    for (const auto& [key, value] : request.query) echo += " " + key + "=" + value;
    return {200, {{"Content-Type", "text/plain"}}, echo + " body=" + request.body + ".", nullptr};
  }
  std::string ask(std::string_view request) {
    Wire wire(server->port());
    EXPECT_TRUE(wire.connected());
    EXPECT_TRUE(wire.send(request));
    return wire.all();
  }
  std::uint64_t counter(const std::string& name) const {
    for (const auto& [key, value] : server->counters())
      if (key == name) return value;
    return 0;
  }

  std::unique_ptr<ports::HttpServer> server;
  Latch latch;
};

std::uint32_t packets_to(const Wire& wire) {
  tcp_info info{};
  socklen_t size = sizeof info;
  EXPECT_EQ(::getsockopt(wire.fd(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return info.tcpi_segs_in;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_F(HttpServer, hands_on_what_was_asked) {
  start();
  const auto got = ask("GET /a%20b?x=1&y=%26+z HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(has(got, "HTTP/1.1 200")) << got;
  EXPECT_TRUE(has(got, "GET /a b host=h from=127.0.0.1 port=" + std::to_string(server->port()))) << got;
  EXPECT_TRUE(has(got, " x=1 y=& z body=.")) << got;
}

TEST_F(HttpServer, reads_a_body_of_its_length_and_keeps_the_connection) {
  start();
  Wire wire(server->port());
  for (int i = 0; i < 4; ++i) {
    wire.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_TRUE(has(wire.until("body=hello."), "200")) << i;
  }
  wire.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(has(wire.all(), "Connection: close")) << "the fifth is the last";
  EXPECT_TRUE(wire.closed());
}

TEST_F(HttpServer, speaks_http_1_0_and_closes) {
  start();
  const auto with = ask("GET /x HTTP/1.0\r\nHost: captive.apple.com\r\n\r\n");
  EXPECT_TRUE(has(with, "host=captive.apple.com") && has(with, "http10") && has(with, "Connection: close")) << with;
  EXPECT_TRUE(has(ask("GET /x HTTP/1.0\r\n\r\n"), "host= from="));
}

TEST_F(HttpServer, takes_the_absolute_form_and_its_host) {
  start();
  const auto got = ask("GET http://captive.apple.com/x?y=1 HTTP/1.1\r\nHost: wrong\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(has(got, "GET /x host=captive.apple.com") && has(got, " y=1")) << got;
  EXPECT_TRUE(has(ask("GET http://h HTTP/1.1\r\nConnection: close\r\n\r\n"), "GET / host=h"));
  EXPECT_TRUE(has(ask("GET nonsense HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "HTTP/1.1 400"));
}

TEST_F(HttpServer, answers_head_without_a_body) {
  start();
  const auto got = ask("HEAD /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(has(got, "200") && has(got, "Content-Length: 20000")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\n"));
}

TEST_F(HttpServer, believes_the_socket_and_not_a_header) {
  start();
  const auto got = ask("GET / HTTP/1.1\r\nHost: h\r\nREMOTE_ADDR: 10.9.9.9\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(has(got, "from=127.0.0.1") && has(got, "forged= ")) << got;
  EXPECT_FALSE(has(got, "10.9.9.9"));
}

TEST_F(HttpServer, on_both_families_sees_ipv4_as_ipv4) {
  start(at("[::]:0"));
  EXPECT_TRUE(has(ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "from=127.0.0.1"));
}

TEST_F(HttpServer, refuses_what_it_will_not_read) {
  start();
  const auto status = [&](const std::string& lines) {
    return ask("POST /p HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n").substr(9, 3);
  };
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n"), "411");
  EXPECT_EQ(status("Content-Encoding: gzip\r\nContent-Length: 9\r\n"), "415");
  EXPECT_EQ(status("Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9\r\n"), "415");
  EXPECT_EQ(status("Content-Length: 9000\r\n"), "413");
  EXPECT_EQ(status("Content-Length: 99999999999999999999999\r\n"), "400");
  EXPECT_EQ(status("Content-Length: -1\r\n"), "400");
  EXPECT_EQ(status("Content-Length: 1\r\nContent-Length: 2\r\n"), "400");
  EXPECT_EQ(status("Host: two\r\n"), "400");
  EXPECT_EQ(status("Expect: 100-continue\r\nContent-Length: 9000\r\n"), "413");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n").substr(9, 3), "400");
  EXPECT_EQ(ask("PUT / HTTP/1.1\r\nHost: h\r\n\r\n").substr(9, 3), "405");
  EXPECT_EQ(ask("BREW / HTTP/1.1\r\nHost: h\r\n\r\n").substr(9, 3), "400");
  EXPECT_EQ(ask("GET /%0d%0aX: HTTP/1.1\r\nHost: h\r\n\r\n").substr(9, 3), "400");
  EXPECT_GE(counter("refused"), 12u);
}

TEST_F(HttpServer, has_an_end_to_every_length) {
  start();
  EXPECT_EQ(ask("GET /" + std::string(3000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n").substr(9, 3), "414");
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(ask(many + "\r\n").substr(9, 3), "431");
  // A line and a header that never end: answered or closed at the limit, not read for ever.
  for (const std::string start_of : {"GET /", "GET / HTTP/1.1\r\nHost: h\r\nX: "}) {
    Wire wire(server->port());
    const std::string more(4096, 'a');
    wire.send(start_of);
    bool open = true;
    for (int i = 0; i < 1000 && open; ++i) open = wire.send(more);
    const auto got = wire.all(5s);
    EXPECT_TRUE(!open || wire.closed()) << start_of;
    EXPECT_FALSE(has(got, "200"));
  }
  EXPECT_TRUE(has(ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200"));
}

TEST_F(HttpServer, a_byte_at_a_time_is_not_for_ever) {
  start();
  Wire wire(server->port());
  const auto begin = SteadyClock::now();
  wire.send("GET / HTTP/1.1\r\n");
  std::string got;
  for (int i = 0; i < 100 && !wire.closed(); ++i) {
    wire.send("X");
    got += wire.until("\r\n\r\n", 200ms);
  }
  EXPECT_TRUE(wire.closed());
  EXPECT_LT(SteadyClock::now() - begin, 7s);
  EXPECT_TRUE(got.empty() || has(got, " 408 ")) << got;
}

TEST_F(HttpServer, an_exception_is_a_500_that_tells_nothing) {
  start();
  for (const char* path : {"/throw", "/throw-int"}) {
    const auto got = ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(got.substr(9, 3), "500");
    EXPECT_FALSE(has(got, "secret") || has(got, "EXCEPTION"));
  }
  EXPECT_EQ(counter("panics"), 2u);
  EXPECT_TRUE(has(ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200"));
}

TEST_F(HttpServer, says_503_when_the_queue_is_full) {
  start(at("127.0.0.1:0", 1, 1));
  Wire busy(server->port());
  busy.send("GET /wait HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(latch.someone_waits());
  Wire queued(server->port());
  queued.send("GET /q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  // The acceptor takes connections in order: once the third is refused the second is in the queue.
  const auto begin = SteadyClock::now();
  const auto refused = ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(refused.substr(9, 3), "503") << refused;
  EXPECT_TRUE(has(refused, "overloaded"));
  EXPECT_LT(SteadyClock::now() - begin, 1s);
  EXPECT_EQ(counter("overloaded"), 1u);
  latch.open();
  EXPECT_TRUE(has(queued.all(), "GET /q"));
  EXPECT_TRUE(has(busy.all(), "GET /wait"));
}

TEST_F(HttpServer, a_connection_that_says_nothing_takes_no_worker) {
  start(at("127.0.0.1:0", 1, 1));
  std::vector<std::unique_ptr<Wire>> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(std::make_unique<Wire>(server->port()));
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(has(ask("GET /q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "GET /q"));
  EXPECT_LT(SteadyClock::now() - begin, 1s);
  EXPECT_EQ(counter("connections"), 1u);
  EXPECT_TRUE(silent.front()->send("GET /late HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(has(silent.front()->all(), "GET /late"));
}

TEST_F(HttpServer, streams_until_the_other_side_goes) {
  start();
  {
    Wire wire(server->port());
    wire.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto got = wire.until("data: 3\n\n");
    EXPECT_TRUE(has(got, "text/event-stream") && has(got, "data: 1\n\n") && has(got, "data: 3\n\n")) << got;
  }
  Wire old(server->port());
  old.send("GET /stream HTTP/1.0\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(has(old.until("data: 3\n\n"), "chunked"));
}

TEST_F(HttpServer, stops_within_a_second_whatever_is_open) {
  start();
  Wire idle(server->port());
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(has(idle.until("body=."), "200"));
  Wire half(server->port());
  half.send("GET / HT");
  Wire silent(server->port());
  Wire stream(server->port());
  stream.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  stream.until("data: 3");
  const auto begin = SteadyClock::now();
  server->stop();
  EXPECT_LT(SteadyClock::now() - begin, 1s);
  idle.all(1s);
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(Wire(server->port()).connected());
}

TEST_F(HttpServer, an_answer_that_closes_closes) {
  start();
  Wire wire(server->port());
  wire.send("GET /close HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(has(wire.all(1s), "Connection: close"));
  EXPECT_TRUE(wire.closed());
  // The handshake's, the kernel's word that the request came, and one with both the answer and the end.
  EXPECT_LE(packets_to(wire), 3u);
}

TEST(HttpListen, unix_has_a_narrow_mode_and_replaces_only_a_dead_socket) {
  const test::Folder folder;
  const auto path = folder / "s.sock";
  const auto listen = at("unix:" + path);
  const auto hello = [](const ports::HttpRequest&) { return ports::HttpResponse{200, {}, "hello", nullptr}; };
  {
    auto first = drivers::httplib::make_server();
    ASSERT_TRUE(first->bind(listen));
    ASSERT_TRUE(first->serve(hello));
    EXPECT_EQ(first->port(), 0);
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0660u);
    EXPECT_FALSE(drivers::httplib::make_server()->bind(listen)) << "somebody listens there";
    Wire wire(path);
    wire.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(has(wire.all(), "hello"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  std::ofstream(path) << "a file";
  EXPECT_FALSE(drivers::httplib::make_server()->bind(listen)) << "not a socket";
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(HttpListen, refuses_a_wrong_address_with_a_reason) {
  for (const char* wrong : {"", "8080", "localhost:80", "127.0.0.1:x", "127.0.0.1:70000", "unix:", "[::1:80"}) {
    const auto bound = drivers::httplib::make_server()->bind(at(wrong));
    ASSERT_FALSE(bound) << wrong;
    EXPECT_FALSE(bound.error().message.empty());
  }
  auto first = drivers::httplib::make_server();
  ASSERT_TRUE(first->bind(at("127.0.0.1:0")));
  EXPECT_FALSE(drivers::httplib::make_server()->bind(at("127.0.0.1:" + std::to_string(first->port()))));
}

}  // namespace
}  // namespace foyer
