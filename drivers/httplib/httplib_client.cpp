#include "drivers/httplib/httplib_client.hpp"

#include <httplib.h>

#include <chrono>
#include <memory>

namespace foyer::drivers::httplib {

namespace {

using namespace std::chrono_literals;

/// A stream may be silent this long; the server sends a comment far more often.
constexpr auto kSilence = 24h;

std::unique_ptr<::httplib::Client> connect(const std::string& where) {
  constexpr std::string_view kUnix = "unix:";
  const bool is_unix = where.starts_with(kUnix);
  auto client = std::make_unique<::httplib::Client>(is_unix ? where.substr(kUnix.size()) : where);
  if (is_unix) client->set_address_family(AF_UNIX);
  client->set_connection_timeout(2s);
  client->set_read_timeout(10s);
  client->set_write_timeout(5s);
  return client;
}

const ::httplib::Headers kHeaders{{"Host", "localhost"}, {"Accept", "application/json"}};

Result<Answer> answer_of(const std::string& where, ::httplib::Result result) {
  if (!result) return fail(Code::retry, "{}: {} (is foyerd running?)", where, ::httplib::to_string(result.error()));
  return Answer{result->status, result->get_header_value("Content-Type"), result->body};
}

/// Cuts a stream into lines.
class Lines {
 public:
  explicit Lines(const std::function<bool(std::string_view)>& line) : line_(line) {}
  bool feed(const char* data, std::size_t size) {
    rest_.append(data, size);
    std::size_t begin = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
      auto one = std::string_view(rest_).substr(begin, end - begin);
      if (one.ends_with('\r')) one.remove_suffix(1);
      if (!line_(one)) return false;
      begin = end + 1;
    }
    rest_.erase(0, begin);
    return true;
  }

 private:
  const std::function<bool(std::string_view)>& line_;
  std::string rest_;
};

}  // namespace

Result<Answer> Client::get(const std::string& path) const {
  return answer_of(where_, connect(where_)->Get(path.c_str(), kHeaders));
}

Result<Answer> Client::post(const std::string& path, const std::string& body, const std::string& content_type) const {
  return answer_of(where_, connect(where_)->Post(path.c_str(), kHeaders, body, content_type.c_str()));
}

Result<void> Client::follow(const std::string& path, const std::function<bool(std::string_view)>& line) const {
  auto client = connect(where_);
  client->set_read_timeout(kSilence);
  Lines lines(line);
  bool enough = false;
  int status = 0;
  auto result = client->Get(
      path.c_str(), kHeaders,
      [&](const ::httplib::Response& response) {
        status = response.status;
        return status == 200;
      },
      [&](const char* data, std::size_t size) {
        enough = !lines.feed(data, size);
        return !enough;
      });
  if (status != 0 && status != 200) return fail(Code::refuse, "{}: {} answered {}", where_, path, status);
  if (!result && !enough && status == 0)
    return fail(Code::retry, "{}: {} (is foyerd running?)", where_, ::httplib::to_string(result.error()));
  return {};
}

}  // namespace foyer::drivers::httplib
