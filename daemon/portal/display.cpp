#include "portal/display.hpp"

#include <algorithm>

namespace foyer::portal {

namespace {

constexpr std::uint8_t kDisplayVersion = 3;
constexpr std::size_t kDisplayBody = 2, kDisplayMac = 16;

/// The purpose comes first and ends in a zero byte: a token and a pass begin with another byte.
Bytes raw_key(std::string_view store, std::string_view zone, const TokenKeys::Key& key) {
  std::string message("display");
  for (const auto part : {store, zone}) message.append(1, '\0').append(part);
  const auto mac = hmac_sha256(key.secret, as_bytes(message));
  Bytes raw{kDisplayVersion, key.id};
  raw.insert(raw.end(), mac.begin(), mac.begin() + kDisplayMac);
  return raw;
}

}  // namespace

std::string display_key(const TokenKeys& keys, std::string_view store, std::string_view zone) {
  return to_base64url(raw_key(store, zone, keys.current));
}

bool is_display_key(const TokenKeys& keys, std::string_view text, std::string_view store, std::string_view zone,
                    WallTime now) {
  const auto raw = text.size() <= 64 ? from_base64url(text) : std::nullopt;
  if (!raw || raw->size() != kDisplayBody + kDisplayMac || raw->front() != kDisplayVersion) return false;
  const auto* key = keys.find((*raw)[1]);
  if (key == nullptr || (key != &keys.current && key->until <= now)) return false;
  return constant_time_equal(*raw, raw_key(store, zone, *key));
}

}  // namespace foyer::portal
