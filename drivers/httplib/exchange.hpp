#pragma once

#include <httplib.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "drivers/httplib/connection.hpp"
#include "ports/http_server.hpp"

namespace foyer::drivers::httplib {

struct Counters {
  std::atomic<std::uint64_t> connections{0}, requests{0}, refused{0}, overloaded{0}, timeouts{0}, panics{0},
      tls_failures{0};
};

/// What every connection of one listener shares. Outlives them.
struct Context {
  ports::HttpHandler handler;
  std::size_t max_body = 0;
  Counters counters;
  std::atomic<bool> stopping{false};
};

/// The requests of one connection after the other, one after the other. httplib parses the request line and headers and
/// writes the answer; a Server object for each worker (nothing but settings) ties its callbacks to the connection in
/// hand without a global. One thread. Everything is answered before httplib's own routing, which would run a regular
/// expression over the path.
class Exchange : private ::httplib::Server {
 public:
  explicit Exchange(Context& context);

  /// From now on it serves this connection, which must outlive the last serve().
  void attach(Connection& connection);

  /// Serves one request; false: close the connection. `last`: the answer says so.
  bool serve(bool last);
  /// A refused request's body may still be on its way: closing now would reset the connection and lose the answer.
  bool unread() const { return unread_; }

 private:
  using Refusal = std::optional<ports::HttpResponse>;

  bool process(bool last, bool& closed);
  void prepare(::httplib::Request& request);
  Refusal check(const ::httplib::Request& request) const;
  ports::HttpResponse answer(const ::httplib::Request& request);
  void write(ports::HttpResponse&& from, const ::httplib::Request& request, ::httplib::Response& to);
  void write_stream(std::shared_ptr<ports::HttpStream> stream, const std::string& content_type, bool http10,
                    ::httplib::Response& to);
  void finish_headers(::httplib::Response& response) const;

  Connection* connection_ = nullptr;
  Context& context_;
  ::httplib::Request* current_ = nullptr;  ///< the request in hand, ours to change
  Refusal refusal_;
  bool close_ = false, answered_ = false, unread_ = false;
};

}  // namespace foyer::drivers::httplib
