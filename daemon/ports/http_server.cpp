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
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Pairs of one query or form; the first ones stay.
constexpr std::size_t kMostPairs = 64;
}  // namespace

std::string percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    if (escaped) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(plus && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty() && pairs.size() < kMostPairs) {
    const auto part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    pairs.emplace_back(percent_decode(part.substr(0, equals), true),
                       equals == std::string_view::npos ? "" : percent_decode(part.substr(equals + 1), true));
  }
  return pairs;
}

std::string_view HttpRequest::header(std::string_view name) const {
  auto it = find(headers, name);
  return it == headers.end() ? std::string_view{} : std::string_view{it->second};
}

bool HttpRequest::has_header(std::string_view name) const { return find(headers, name) != headers.end(); }

}  // namespace foyer::ports
