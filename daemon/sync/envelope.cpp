#include "sync/envelope.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/lifetime.hpp"
#include "base/time.hpp"

namespace foyer::sync {

namespace {

using nlohmann::json;

/// A JSON string. Bytes that are not UTF-8 become U+FFFD: one bad byte must not hold back a stream.
std::string json_string(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Stored data is JSON text already and goes in as it is. Text that is not (a damaged row) goes in as a string, so that
/// the events behind it are not held back.
std::string embedded(const std::string& data) {
  if (json::accept(data)) return data;
  if (data.empty()) return "{}";
  return fmt::format(R"({{"unreadable":{}}})", json_string(data));
}

}  // namespace

std::string to_cloudevent(const StoredEvent& event, const Identity& identity) {
  // CloudEvents 1.0.2, JSON format 1.0.2 section 3 (envelope) and 3.1 (data as JSON).
  const auto id =
      fmt::format("{}/{}/{}/{}", identity.gateway, identity.epoch, to_string(event.event.stream), event.seq);
  auto text = fmt::format(R"({{"specversion":"1.0","id":{},"source":{},"type":{},"time":"{}")", json_string(id),
                          json_string(identity.source()), json_string(fmt::format("foyer.{}.v1", event.event.type)),
                          to_rfc3339(event.time));
  if (!event.event.subject.empty()) text += fmt::format(R"(,"subject":{})", json_string(event.event.subject));
  if (const auto within = deliver_within(event.event.type))
    text += fmt::format(R"(,"deliverbefore":"{}")", to_rfc3339(event.time + *within));
  text += R"(,"datacontenttype":"application/json","data":)";
  text += embedded(event.event.data);
  text += '}';
  return text;
}

std::string to_batch(std::span<const StoredEvent> events, const Identity& identity, std::size_t max_bytes,
                     std::size_t& taken) {
  std::string batch = "[";
  taken = 0;
  for (const auto& event : events) {
    const auto one = to_cloudevent(event, identity);
    const std::size_t comma = taken > 0 ? 1 : 0;
    if (taken > 0 && batch.size() + comma + one.size() + 1 > max_bytes) break;
    if (comma > 0) batch += ',';
    batch += one;
    ++taken;
  }
  batch += ']';
  return batch;
}

}  // namespace foyer::sync
