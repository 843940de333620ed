#include "portal/nonce.hpp"

#include <algorithm>

namespace foyer::portal {

namespace {

constexpr std::size_t kNonceSubjectAt = 16, kNonceSessionAt = 24, kNonceBody = 32, kNonceSize = 48;

/// Eight bytes that stand for a name and cannot be turned back.
using Tag = std::array<std::uint8_t, 8>;
Tag tag_of(const NonceKey& key, std::string_view what, std::string_view name) {
  const auto digest = hmac_sha256(key, as_bytes(std::string(what) + ":" + std::string(name)));
  Tag tag{};
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

std::uint32_t seconds_of(WallTime time) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

}  // namespace

std::vector<NonceKey> nonce_keys(const TokenKeys& keys) {
  const auto derive = [](const TokenKeys::Key& key) { return hmac_sha256(key.secret, as_bytes("foyer draw nonce 1")); };
  std::vector<NonceKey> all{derive(keys.current)};
  for (const auto& key : keys.previous) all.push_back(derive(key));
  return all;
}

std::string make_nonce(const NonceKey& key, std::string_view subject, std::string_view session, WallTime now,
                       const Random& random) {
  std::array<std::uint8_t, kNonceSize> raw{};
  const auto expiry = seconds_of(now + kNonceLife);
  for (std::size_t i = 0; i < 4; ++i) raw[i] = static_cast<std::uint8_t>(expiry >> (24 - 8 * i));
  random(std::span(raw).subspan(4, 12));
  std::ranges::copy(tag_of(key, "subject", subject), raw.begin() + kNonceSubjectAt);
  std::ranges::copy(tag_of(key, "session", session), raw.begin() + kNonceSessionAt);
  const auto mac = hmac_sha256(key, ByteView(raw.data(), kNonceBody));
  std::copy_n(mac.begin(), kNonceSize - kNonceBody, raw.begin() + kNonceBody);
  return to_base64url(raw);
}

tl::expected<void, campaign::Reason> check_nonce(std::span<const NonceKey> keys, std::string_view nonce,
                                                 std::span<const std::string> names, std::string_view session,
                                                 WallTime now) {
  using campaign::Reason;
  if (nonce.size() > kNonceLength) return tl::make_unexpected(Reason::bad_signature);
  const auto raw = from_base64url(nonce);
  if (!raw || raw->size() != kNonceSize) return tl::make_unexpected(Reason::bad_signature);
  const ByteView view(*raw);
  const auto signed_it = [&](const NonceKey& key) {
    const auto mac = hmac_sha256(key, view.first(kNonceBody));
    return constant_time_equal(view.subspan(kNonceBody), ByteView(mac.data(), kNonceSize - kNonceBody));
  };
  const auto key = std::ranges::find_if(keys, signed_it);
  if (key == keys.end()) return tl::make_unexpected(Reason::bad_signature);
  const auto is_at = [&](std::size_t place, const Tag& tag) {
    return constant_time_equal(view.subspan(place, tag.size()), tag);
  };
  if (std::ranges::none_of(names,
                           [&](const auto& name) { return is_at(kNonceSubjectAt, tag_of(*key, "subject", name)); }))
    return tl::make_unexpected(Reason::wrong_holder);
  if (!is_at(kNonceSessionAt, tag_of(*key, "session", session))) return tl::make_unexpected(Reason::nonce_expired);
  std::uint32_t expiry = 0;
  for (std::size_t i = 0; i < 4; ++i) expiry = expiry << 8 | view[i];
  if (seconds_of(now) >= expiry) return tl::make_unexpected(Reason::nonce_expired);
  return {};
}

std::string nonce_hash(std::string_view nonce) { return to_hex(sha256(as_bytes(nonce))).substr(0, 32); }

}  // namespace foyer::portal
