#include "portal/pass.hpp"

#include <algorithm>

namespace foyer::portal {

namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kSessionAt = 2, kBody = 18, kSize = 34;

Digest mac_of(ByteView body, const TokenKeys::Key& key) {
  const std::string_view purpose = "pass";  // a pass is never a token, whatever stands in it
  Bytes message(body.begin(), body.end());
  message.insert(message.end(), purpose.begin(), purpose.end());
  return hmac_sha256(key.secret, message);
}

}  // namespace

std::string make_pass(const TokenKeys& keys, std::string_view session) {
  const auto id = from_hex(session).value_or(Bytes());
  Bytes raw{kVersion, keys.current.id};
  raw.insert(raw.end(), id.begin(), id.end());
  raw.resize(kBody);
  const auto mac = mac_of(raw, keys.current);
  raw.insert(raw.end(), mac.begin(), mac.begin() + (kSize - kBody));
  return to_base64url(raw);
}

std::optional<std::string> session_of_pass(const TokenKeys& keys, std::string_view text, WallTime now) {
  if (text.size() > 64) return std::nullopt;
  const auto raw = from_base64url(text);
  if (!raw || raw->size() != kSize || raw->front() != kVersion) return std::nullopt;
  const ByteView view(*raw);
  const auto* key = keys.find(view[1]);
  if (key == nullptr || (key != &keys.current && key->until <= now)) return std::nullopt;
  const auto mac = mac_of(view.first(kBody), *key);
  if (!constant_time_equal(view.subspan(kBody), ByteView(mac.data(), kSize - kBody))) return std::nullopt;
  return to_hex(view.subspan(kSessionAt, kBody - kSessionAt));
}

bool looks_like_pass(std::string_view text) {
  const auto raw = text.size() <= 64 ? from_base64url(text) : std::nullopt;
  return raw && raw->size() == kSize && raw->front() == kVersion;
}

}  // namespace foyer::portal
