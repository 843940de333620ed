#include "portal/nonce.hpp"

#include <algorithm>

namespace foyer::portal {

namespace {

constexpr std::size_t kDeviceAt = 16, kBody = 24, kSize = 40;

/// Eight bytes that name the device and cannot be turned back.
std::array<std::uint8_t, 8> device_tag(const NonceKey& key, std::string_view device) {
  const auto digest = hmac_sha256(key, as_bytes("device:" + std::string(device)));
  std::array<std::uint8_t, 8> tag{};
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

std::uint32_t seconds_of(WallTime time) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

}  // namespace

NonceKey nonce_key(const TokenKeys::Key& key) { return hmac_sha256(key.secret, as_bytes("foyer draw nonce 1")); }

std::string make_nonce(const NonceKey& key, std::string_view device, WallTime now, const Random& random) {
  std::array<std::uint8_t, kSize> raw{};
  const auto expiry = seconds_of(now + kNonceLife);
  for (std::size_t i = 0; i < 4; ++i) raw[i] = static_cast<std::uint8_t>(expiry >> (24 - 8 * i));
  random(std::span(raw).subspan(4, 12));
  const auto tag = device_tag(key, device);
  std::copy(tag.begin(), tag.end(), raw.begin() + kDeviceAt);
  const auto mac = hmac_sha256(key, ByteView(raw.data(), kBody));
  std::copy_n(mac.begin(), kSize - kBody, raw.begin() + kBody);
  return to_base64url(raw);
}

tl::expected<void, campaign::Reason> check_nonce(const NonceKey& key, std::string_view nonce, std::string_view device,
                                                 WallTime now) {
  using campaign::Reason;
  if (nonce.size() > 64) return tl::make_unexpected(Reason::bad_signature);
  const auto raw = from_base64url(nonce);
  if (!raw || raw->size() != kSize) return tl::make_unexpected(Reason::bad_signature);
  const ByteView view(*raw);
  const auto mac = hmac_sha256(key, view.first(kBody));
  if (!constant_time_equal(view.subspan(kBody), ByteView(mac.data(), kSize - kBody)))
    return tl::make_unexpected(Reason::bad_signature);
  const auto tag = device_tag(key, device);
  if (!constant_time_equal(view.subspan(kDeviceAt, tag.size()), tag)) return tl::make_unexpected(Reason::wrong_holder);
  std::uint32_t expiry = 0;
  for (std::size_t i = 0; i < 4; ++i) expiry = expiry << 8 | view[i];
  if (seconds_of(now) >= expiry) return tl::make_unexpected(Reason::nonce_expired);
  return {};
}

std::string nonce_hash(std::string_view nonce) { return to_hex(sha256(as_bytes(nonce))).substr(0, 32); }

}  // namespace foyer::portal
