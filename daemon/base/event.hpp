#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace foyer {

/// The three streams upstream; each has its own sequence from 1 without gaps. Also the durability class and the
/// order in which rows go when the disk is full: health first, then presence, ledger never.
enum class Stream : std::uint8_t { ledger = 1, presence = 2, health = 3 };
inline constexpr std::array kStreams{Stream::ledger, Stream::presence, Stream::health};

constexpr std::string_view to_string(Stream stream) {
  switch (stream) {
    case Stream::ledger: return "ledger";
    case Stream::presence: return "presence";
    case Stream::health: return "health";
  }
  return "health";
}
std::optional<Stream> parse_stream(std::string_view name);

/// Something that happened, before it has a place in its stream.
struct Event {
  Stream stream = Stream::health;
  std::string type;     ///< short: "presence.entered"; upstream it is foyer.presence.entered.v1
  std::string subject;  ///< pseudonym, or empty
  std::string data;     ///< one JSON object, UTF-8
};

/// An event as the ledger stored it.
struct StoredEvent {
  Event event;
  std::uint64_t seq = 0;
  WallTime time{};  ///< wall time when stored: a label
};

}  // namespace foyer
