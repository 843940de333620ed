// Names → values of the small enumerations all rooms share.
#include "base/event.hpp"
#include "base/session.hpp"

namespace foyer {

std::optional<Stream> parse_stream(std::string_view name) {
  for (const auto stream : kStreams)
    if (to_string(stream) == name) return stream;
  return std::nullopt;
}

std::optional<Way> parse_way(std::string_view name) {
  for (const auto way : {Way::link, Way::code, Way::pair, Way::staff, Way::operator_, Way::pass})
    if (to_string(way) == name) return way;
  return std::nullopt;
}

}  // namespace foyer
