#include "drivers/httplib/exchange.hpp"

#include <algorithm>
#include <charconv>
#include <exception>

#include "drivers/httplib/request.hpp"

namespace foyer::drivers::httplib {

namespace {

using namespace std::chrono_literals;

/// Request line and headers together, a body besides; a request that is longer is refused with 431.
constexpr std::size_t kMostHead = 16 * 1024;
/// The target alone; longer is 414. No address of ours comes near it.
constexpr std::size_t kLongestTarget = 2 * 1024;
/// Header lines; more is 431.
constexpr std::size_t kMostHeaders = 64;
/// From the first byte of a request to its last. The kernel's fence ends a connection after 8 s: we are earlier.
constexpr auto kRequestTime = 4s;
/// For writing an answer that is not a stream.
constexpr auto kAnswerTime = 5s;
/// Shorter bodies are not worth compressing.
constexpr std::size_t kCompressFrom = 1024;

std::chrono::steady_clock::time_point in(std::chrono::steady_clock::duration time) {
  return std::chrono::steady_clock::now() + time;
}

bool has_body(const ::httplib::Request& request) { return request.has_header("Content-Length"); }

std::optional<std::size_t> content_length(const ::httplib::Request& request) {
  if (!has_body(request)) return 0;
  const auto text = request.get_header_value("Content-Length");
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return length;
}

}  // namespace

Exchange::Exchange(Context& context) : context_(context) {
  set_pre_routing_handler([this](const ::httplib::Request& request, ::httplib::Response& response) {
    write(refusal_ ? std::move(*refusal_) : answer(request), request, response);
    answered_ = true;
    return HandlerResponse::Handled;
  });
  set_error_handler(HandlerWithResponse([this](const ::httplib::Request&, ::httplib::Response& response) {
    if (answered_) return HandlerResponse::Unhandled;
    unread_ = close_ = true;  // httplib refused it before us: where the next request begins is not known
    ++context_.counters.refused;
    const int status = connection_->over_limit() ? 431 : connection_->timed_out() ? 408 : response.status;
    auto refusal = refuse(status, "bad_request", "the request line or the headers are malformed or too long");
    response.status = refusal.status;
    response.body = std::move(refusal.body);
    response.set_header("Content-Type", kProblemType);
    return HandlerResponse::Handled;
  }));
  set_post_routing_handler(
      [this](const ::httplib::Request&, ::httplib::Response& response) { finish_headers(response); });
}

void Exchange::attach(Connection& connection) {
  connection_ = &connection;
  svr_sock_ = connection.socket();  // httplib ends a stream at once when it believes the server has stopped
  unread_ = false;
}

bool Exchange::serve(bool last) {
  current_ = nullptr;
  refusal_.reset();
  answered_ = false;
  close_ = last;
  connection_->allow(kMostHead, in(kRequestTime));
  bool closed = false;
  const bool processed = process(last, closed);
  const bool ends = closed || close_;
  const bool written = connection_->flush(ends ? Connection::Then::close : Connection::Then::go_on) && processed;
  if (!written && connection_->timed_out()) ++context_.counters.timeouts;
  if (!written && !connection_->wrote() && connection_->over_limit()) {
    ++context_.counters.refused;
    constexpr std::string_view kTooLong =
        "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    connection_->allow_writing(in(kAnswerTime));
    ::httplib::Stream& stream = *connection_;
    (void)stream.write(kTooLong.data(), kTooLong.size());
    (void)connection_->flush();
  }
  return written && !ends;
}

// The one place where cpp-httplib 0.11 (bookworm) and 0.18 (trixie) differ for us.
bool Exchange::process(bool last, bool& closed) {
  const std::function<void(::httplib::Request&)> setup = [this](::httplib::Request& request) { prepare(request); };
  const auto call = [&](auto& self) {
    if constexpr (requires { self.process_request(*connection_, last, closed, setup); }) {
      return self.process_request(*connection_, last, closed, setup);
    } else {
      return self.process_request(*connection_, to_string(connection_->remote()), 0, std::string(),
                                  connection_->local_port(), last, closed, setup);
    }
  };
  return call(*this);
}

/// Runs when the headers are read and nothing else is.
void Exchange::prepare(::httplib::Request& request) {
  ++context_.counters.requests;
  current_ = &request;
  refusal_ = check(request);
  if (refusal_) {
    ++context_.counters.refused;
    unread_ = close_ = true;          // its body stays unread
    request.headers.erase("Expect");  // nobody is told to go on
  }
  request.ranges.clear();  // no resource of ours has ranges
  if (request.version == "HTTP/1.0" && request.get_header_value("Connection") != "Keep-Alive") close_ = true;
  if (request.get_header_value("Connection") == "close") close_ = true;
}

Exchange::Refusal Exchange::check(const ::httplib::Request& request) const {
  const auto& method = request.method;
  if (method != "GET" && method != "HEAD" && method != "POST" && method != "DELETE") {
    auto refusal = refuse(405, "method_not_allowed", "GET, HEAD, POST and DELETE are allowed");
    refusal.headers.emplace_back("Allow", "GET, HEAD, POST, DELETE");
    return refusal;
  }
  if (request.target.size() > kLongestTarget) return refuse(414, "uri_too_long", "at most 2048 characters are allowed");
  if (request.headers.size() > kMostHeaders) return refuse(431, "too_many_headers", "at most 64 are allowed");
  const auto hosts = request.get_header_value_count("Host");
  if (hosts > 1 || (hosts == 0 && request.version != "HTTP/1.0" && !is_absolute(request.target)))
    return refuse(400, "bad_request", "exactly one Host header is needed");
  if (request.has_header("Transfer-Encoding"))
    return refuse(411, "length_required", "send a body with Content-Length, not in chunks");
  if (request.has_header("Content-Encoding"))
    return refuse(415, "unsupported_media_type", "an encoded body is not accepted");
  if (request.get_header_value("Content-Type").starts_with("multipart/"))
    return refuse(415, "unsupported_media_type", "a multipart body is not accepted");
  const auto length = content_length(request);
  if (!length || request.get_header_value_count("Content-Length") > 1)
    return refuse(400, "bad_request", "Content-Length must be one number");
  if (*length > context_.max_body)
    return refuse(413, "payload_too_large", fmt::format("at most {} bytes are allowed", context_.max_body));
  return std::nullopt;
}

ports::HttpResponse Exchange::answer(const ::httplib::Request& request) {
  auto ours = convert(request, connection_->remote(), connection_->local_port(), connection_->tls());
  if (!ours) {
    ++context_.counters.refused;
    close_ = true;
    return refuse(400, "bad_request", ours.error().message);
  }
  ours->local = connection_->local();
  const auto length = content_length(request).value_or(0);
  connection_->allow(length, in(kRequestTime));
  if (!connection_->read_exactly(ours->body, length)) {
    ++context_.counters.refused;
    close_ = true;
    return refuse(connection_->timed_out() ? 408 : 400, "bad_request", "the body is shorter than Content-Length says");
  }
  try {
    return context_.handler(*ours);
  } catch (...) {  // whatever a handler throws is a bug; this guest gets an answer and the others go on
    ++context_.counters.panics;
    close_ = true;
    return refuse(500, "internal", "something went wrong here");
  }
}

void Exchange::write(ports::HttpResponse&& from, const ::httplib::Request& request, ::httplib::Response& to) {
  to.status = from.status;
  std::string content_type;
  for (const auto& [name, value] : from.headers) {
    if (strcasecmp(name.c_str(), "Content-Type") == 0) content_type = value;
    if (strcasecmp(name.c_str(), "Connection") == 0) {
      close_ = close_ || strcasecmp(value.c_str(), "close") == 0;
      continue;
    }
    if (!from.stream || strcasecmp(name.c_str(), "Content-Type") != 0) to.set_header(name.c_str(), value);
  }
  connection_->allow_writing(in(kAnswerTime));
  // Brotli at the library's default quality costs more than the line saves: gzip or nothing.
  const bool gzip = request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos &&
                    from.body.size() >= kCompressFrom && !from.stream;
  if (current_) {
    current_->headers.erase("Accept-Encoding");
    if (gzip) current_->headers.emplace("Accept-Encoding", "gzip");
  }
  if (gzip) to.set_header("Vary", "Accept-Encoding");
  if (from.stream && request.method != "HEAD")
    write_stream(std::move(from.stream), content_type, request.version == "HTTP/1.0", to);
  else
    to.body = std::move(from.body);
}

void Exchange::write_stream(std::shared_ptr<ports::HttpStream> stream, const std::string& content_type, bool http10,
                            ::httplib::Response& to) {
  close_ = true;
  auto next = [this, stream = std::move(stream)](::httplib::DataSink& sink) {
    if (!connection_->flush()) return false;  // the head, before the first piece is waited for
    std::string piece;
    const bool more = stream->next(piece);
    connection_->allow_writing(in(kAnswerTime));
    if (!piece.empty() && !sink.write(piece.data(), piece.size())) return false;
    if (!connection_->flush()) return false;
    if (!more) {
      sink.done();
      return true;
    }
    return !connection_->gone() && !context_.stopping;
  };
  if (http10)
    to.set_content_provider(content_type, [next](std::size_t, ::httplib::DataSink& sink) { return next(sink); });
  else
    to.set_chunked_content_provider(content_type,
                                    [next](std::size_t, ::httplib::DataSink& sink) { return next(sink); });
}

void Exchange::finish_headers(::httplib::Response& response) const {
  response.headers.erase("Accept-Ranges");
  response.headers.erase("Keep-Alive");
  response.headers.erase("Connection");
  if (close_) response.set_header("Connection", "close");
}

}  // namespace foyer::drivers::httplib
