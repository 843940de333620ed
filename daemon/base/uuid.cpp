#include "base/uuid.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/encoding.hpp"

namespace foyer {

std::string to_string(const Uuid& uuid) {
  auto hex = to_hex(uuid.bytes);
  for (const std::size_t at : {20u, 16u, 12u, 8u}) hex.insert(at, "-");
  return hex;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) hex.push_back(text[i]);
  }
  const auto bytes = from_hex(hex);
  if (!bytes) return std::nullopt;
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), bytes->data(), uuid.bytes.size());
  return uuid;
}

std::string to_string(const BeaconId& id) { return fmt::format("{}/{}/{}", to_string(id.uuid), id.major, id.minor); }

}  // namespace foyer

std::size_t std::hash<foyer::BeaconId>::operator()(const foyer::BeaconId& id) const noexcept {
  const auto base = std::hash<std::string_view>{}(foyer::as_text(id.uuid.bytes));
  return base ^ (static_cast<std::size_t>(id.major) << 16 | id.minor) * 0x9e3779b97f4a7c15ull;
}
