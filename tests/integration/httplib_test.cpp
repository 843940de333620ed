#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "drivers/httplib/httplib_client.hpp"
#include "drivers/httplib/httplib_server.hpp"
#include "support/files.hpp"

namespace foyer {
namespace {

using namespace std::chrono_literals;

class Three final : public ports::HttpStream {
 public:
  bool next(std::string& out) override {
    out += "id: " + std::to_string(++count_) + "\ndata: x\n\n";
    return count_ < 3;
  }

 private:
  int count_ = 0;
};

ports::HttpResponse answer(const ports::HttpRequest& request) {
  if (request.path == "/events") return {200, {{"Content-Type", "text/event-stream"}}, {}, std::make_shared<Three>()};
  if (request.path == "/none") return {404, {}, "no", nullptr};
  return {200,
          {{"Content-Type", "application/json"}},
          request.method + (request.tls ? " tls " : " ") + request.body,
          nullptr};
}

TEST(HttplibClient, talks_to_the_control_socket) {
  const test::Folder directory;
  auto server = drivers::httplib::make_server();
  ports::HttpListen listen;
  listen.address = "unix:" + (directory / "control.sock");
  const drivers::httplib::Client client(listen.address);
  EXPECT_EQ(client.get("/").error().code, Code::retry);
  ASSERT_TRUE(server->bind(listen));
  ASSERT_TRUE(server->serve(answer));
  const auto got = client.get("/v1/status");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "GET ");
  EXPECT_EQ(got->content_type, "application/json");
  EXPECT_EQ(client.post("/v1/tokens", "{}")->body, "POST {}");
  EXPECT_EQ(client.get("/none")->status, 404);

  std::vector<std::string> lines;
  ASSERT_TRUE(client.follow("/events", [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  }));
  EXPECT_EQ(lines, (std::vector<std::string>{"id: 1", "data: x", "", "id: 2", "data: x", "", "id: 3", "data: x", ""}));
  int seen = 0;
  EXPECT_TRUE(client.follow("/events", [&](std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(client.follow("/none", [](std::string_view) { return true; }).error().code, Code::refuse);
}

TEST(HttplibTls, serves_1_2_and_newer_with_the_files_it_is_given) {
  const test::Folder directory;
  ports::HttpListen listen;
  listen.address = "127.0.0.1:0";
  listen.certificate = directory / "cert.pem";
  listen.key = directory / "key.pem";
  const auto missing = drivers::httplib::make_server()->bind(listen);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("cert.pem"), std::string::npos);
  // Paths are our own; nothing of a request comes near a shell.
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test -keyout " +
      listen.key + " -out " + listen.certificate + " 2>/dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0);
  auto server = drivers::httplib::make_server();
  const auto bound = server->bind(listen);
  ASSERT_TRUE(bound) << bound.error().message;
  ASSERT_TRUE(server->serve(answer));

  httplib::SSLClient client("127.0.0.1", server->port());
  client.enable_server_certificate_verification(false);
  client.set_keep_alive(true);
  for (int i = 0; i < 3; ++i) {
    const auto got = client.Post("/", "hello", "text/plain");
    ASSERT_TRUE(got) << httplib::to_string(got.error());
    EXPECT_EQ(got->body, "POST tls hello");
  }
  httplib::SSLClient old("127.0.0.1", server->port());
  old.enable_server_certificate_verification(false);
  SSL_CTX_set_max_proto_version(old.ssl_context(), TLS1_1_VERSION);
  EXPECT_FALSE(old.Get("/"));
  httplib::Client plain("127.0.0.1", server->port());
  EXPECT_FALSE(plain.Get("/"));
  const auto begin = std::chrono::steady_clock::now();
  server->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
}

}  // namespace
}  // namespace foyer
