#include "ports/http_server.hpp"

#include <strings.h>

#include <algorithm>

namespace foyer::ports {

namespace {
auto find(const HttpHeaders& headers, std::string_view name) {
  return std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
    return header.first.size() == name.size() && strncasecmp(header.first.data(), name.data(), name.size()) == 0;
  });
}
}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  auto it = find(headers, name);
  return it == headers.end() ? std::string_view{} : std::string_view{it->second};
}

bool HttpRequest::has_header(std::string_view name) const { return find(headers, name) != headers.end(); }

}  // namespace foyer::ports
