#include "config/sections.hpp"

#include <fmt/format.h>

namespace foyer::config {
namespace {

constexpr std::size_t kMostNamedFile = 4 << 20;  // a logo; everything else is smaller

std::optional<std::string> content_of(const Value& value, const Result<std::string>& content) {
  if (content) return *content;
  value.fault("must be a file that can be read: " + content.error().message);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> matching(const Value& value, bool (*grammar)(std::string_view), std::string_view wanted) {
  if (value.is_scalar() && grammar(value.node().text)) return value.node().text;
  value.fault(fmt::format("must be {}, not {}", wanted, describe(value.node())));
  return std::nullopt;
}

bool read_matching(const Fields& map, std::string_view key, std::string& out, bool (*grammar)(std::string_view),
                   std::string_view wanted) {
  const auto value = map.find(key);
  const auto text = value ? matching(*value, grammar, wanted) : std::nullopt;
  if (text) out = *text;
  return text.has_value();
}

std::optional<std::string> read_named_file(const Fields& map, std::string_view key, std::string& out) {
  if (!map.read(key, out, &Value::text, kMostPath)) return std::nullopt;
  return content_of(*map.find(key), read_file(out, kMostNamedFile));
}

std::optional<std::string> read_named_secret(const Fields& map, std::string_view key, std::string& out) {
  if (!map.read(key, out, &Value::text, kMostPath)) return std::nullopt;
  auto content = content_of(*map.find(key), read_secret(out));
  out = secret_path(out);  // who reads it later need not know of $CREDENTIALS_DIRECTORY
  return content;
}

bool is_listen(std::string_view text) { return parse_listen(text).has_value(); }

}  // namespace foyer::config
