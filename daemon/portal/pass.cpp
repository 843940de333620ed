#include "portal/pass.hpp"

#include <algorithm>

namespace foyer::portal {

namespace {

constexpr std::uint8_t kPassVersion = 2;
constexpr std::size_t kPassSessionAt = 2, kPassBody = 18, kPassSize = 34;

Digest mac_of(ByteView body, const TokenKeys::Key& key) {
  const std::string_view purpose = "pass";  // a pass is never a token, whatever stands in it
  Bytes message(body.begin(), body.end());
  message.insert(message.end(), purpose.begin(), purpose.end());
  return hmac_sha256(key.secret, message);
}

}  // namespace

std::string make_pass(const TokenKeys& keys, std::string_view session) {
  const auto id = from_hex(session).value_or(Bytes());
  Bytes raw(kPassBody);
  raw[0] = kPassVersion;
  raw[1] = keys.current.id;
  std::copy_n(id.begin(), std::min(id.size(), kPassBody - kPassSessionAt), raw.begin() + kPassSessionAt);
  const auto mac = mac_of(raw, keys.current);
  raw.insert(raw.end(), mac.begin(), mac.begin() + (kPassSize - kPassBody));
  return to_base64url(raw);
}

std::optional<std::string> session_of_pass(const TokenKeys& keys, std::string_view text, WallTime now) {
  if (text.size() > 64) return std::nullopt;
  const auto raw = from_base64url(text);
  if (!raw || raw->size() != kPassSize || raw->front() != kPassVersion) return std::nullopt;
  const ByteView view(*raw);
  const auto* key = keys.find(view[1]);
  if (key == nullptr || (key != &keys.current && key->until <= now)) return std::nullopt;
  const auto mac = mac_of(view.first(kPassBody), *key);
  if (!constant_time_equal(view.subspan(kPassBody), ByteView(mac.data(), kPassSize - kPassBody))) return std::nullopt;
  return to_hex(view.subspan(kPassSessionAt, kPassBody - kPassSessionAt));
}

bool looks_like_pass(std::string_view text) {
  const auto raw = text.size() <= 64 ? from_base64url(text) : std::nullopt;
  return raw && raw->size() == kPassSize && raw->front() == kPassVersion;
}

}  // namespace foyer::portal
