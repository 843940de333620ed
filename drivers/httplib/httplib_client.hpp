#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace foyer::drivers::httplib {

struct Answer {
  int status = 0;
  std::string content_type, body;
};

/// A small client for foyerctl. `where` is "unix:/run/foyer/control.sock" or "http://127.0.0.1:9464". Blocks; one
/// thread. Code::retry: nobody answers there.
class Client {
 public:
  explicit Client(std::string where) : where_(std::move(where)) {}
  Result<Answer> get(const std::string& path) const;
  Result<Answer> post(const std::string& path, const std::string& body,
                      const std::string& content_type = "application/json") const;
  /// Reads a stream of server-sent events and calls `line` for each line without its end (empty: an event is complete)
  /// until it returns false or the other side ends.
  Result<void> follow(const std::string& path, const std::function<bool(std::string_view)>& line) const;

 private:
  std::string where_;
};

}  // namespace foyer::drivers::httplib
