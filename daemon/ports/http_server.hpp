#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"

namespace foyer::ports {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;                                      ///< upper case
  std::string target;                                      ///< as sent: origin form or absolute form
  std::string path;                                        ///< percent-decoded, without query
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  HttpHeaders headers;
  std::string body;  ///< at most the listener's limit
  IpAddress remote;  ///< of the connection, never from a header
  IpAddress local;   ///< our end of the connection: where this phone can reach us
  std::uint16_t local_port = 0;
  bool tls = false;
  bool http10 = false;

  /// The first header of that name, compared without case; empty when absent.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

/// %41 → A. A lone or malformed % stays as it is; `plus` turns + into a space (queries and forms, not paths).
std::string percent_decode(std::string_view text, bool plus);
/// `a=1&b=%20`: a query or an application/x-www-form-urlencoded body, decoded, in order. At most 64 pairs, the first
/// ones stay.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text);

/// A body that comes in pieces (server-sent events). Destroyed on the connection's thread when either side ends.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  /// Waits up to a second for more and appends it to `out` (nothing: the connection is still alive). False: the end.
  virtual bool next(std::string& out) = 0;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  std::shared_ptr<HttpStream> stream;  ///< instead of body
};

/// Called on a pool thread, many at once; holds no state. A throw becomes a 500 and is counted.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

/// Where and how a server listens.
struct HttpListen {
  std::string address;  ///< "[::]:8080", "127.0.0.1:0" (any free port) or "unix:/run/foyer/control.sock"
  std::size_t workers = 192;
  std::size_t queue = 256;  ///< accepted connections waiting for a worker; more are answered 503
  std::size_t max_body = 8 * 1024;
  std::string certificate, key;  ///< PEM files; both or none
};

/// One listener. bind, serve and stop: core thread. Refuses chunked, encoded and multipart bodies (411, 415) and
/// oversize ones (413) before they are read.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual Result<void> bind(const HttpListen& listen) = 0;
  virtual Result<void> serve(HttpHandler handler) = 0;  ///< returns at once; bind first
  virtual std::uint16_t port() const = 0;               ///< 0 for unix
  virtual void stop() = 0;                              ///< ends every connection within a second and joins
  virtual std::vector<std::pair<std::string, std::uint64_t>> counters()
      const = 0;  ///< requests, refused, panics …; any thread
};

}  // namespace foyer::ports
