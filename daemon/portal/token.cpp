#include "portal/token.hpp"

#include <algorithm>

namespace foyer::portal {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMac = 16;
constexpr std::size_t kBody = 1 + 1 + 1 + 4 + 2 + 4 + 8;
constexpr std::size_t kSize = kBody + kMac;
constexpr std::size_t kZoneAt = 7, kTimeAt = 9, kNonceAt = 13;

using Raw = std::array<std::uint8_t, kSize>;
using Tag2 = std::array<std::uint8_t, 2>;

std::array<std::uint8_t, 4> store_tag(std::string_view store) {
  const auto digest = sha256(as_bytes(store));
  return {digest[0], digest[1], digest[2], digest[3]};
}

/// Two zero bytes mean no zone, so no zone's tag is that.
Tag2 zone_tag(std::string_view zone) {
  if (zone.empty()) return {0, 0};
  const auto digest = sha256(as_bytes(zone));
  Tag2 tag{digest[0], digest[1]};
  if (tag == Tag2{0, 0}) tag[1] = 1;
  return tag;
}

void put32(std::uint8_t* out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::uint32_t get32(const std::uint8_t* in) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | in[i];
  return value;
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

void sign(Raw& raw, const TokenKeys::Key& key) {
  const auto mac = hmac_sha256(key.secret, ByteView(raw.data(), kBody));
  std::copy_n(mac.begin(), kMac, raw.begin() + kBody);
}

/// Every display of one zone shows the same token within a rotation, so that "once per device" means once.
void screen_nonce(Raw& raw, const TokenKeys::Key& key) {
  Bytes label(raw.begin(), raw.begin() + kNonceAt);
  const std::string_view purpose = "screen nonce";
  label.insert(label.end(), purpose.begin(), purpose.end());
  const auto digest = hmac_sha256(key.secret, label);
  std::copy_n(digest.begin(), 8, raw.begin() + kNonceAt);
}

bool signed_by(ByteView raw, const TokenKeys::Key& key) {
  if (raw[1] != key.id) return false;
  const auto mac = hmac_sha256(key.secret, raw.first(kBody));
  return constant_time_equal(raw.subspan(kBody), ByteView(mac.data(), kMac));
}

std::string zone_of(ByteView raw, const std::vector<std::string>& zones) {
  const Tag2 tag{raw[kZoneAt], raw[kZoneAt + 1]};
  if (tag == Tag2{0, 0}) return {};
  const auto found = std::find_if(zones.begin(), zones.end(), [&](const auto& zone) { return zone_tag(zone) == tag; });
  return found == zones.end() ? std::string() : *found;
}

WallTime at_seconds(std::int64_t seconds) { return WallTime{std::chrono::seconds{seconds}}; }

}  // namespace

std::string_view to_string(TokenKind kind) {
  switch (kind) {
    case TokenKind::poster: return "poster";
    case TokenKind::screen: return "screen";
    case TokenKind::receipt: return "receipt";
    case TokenKind::staff: return "staff";
  }
  return "poster";
}

std::optional<TokenKind> parse_token_kind(std::string_view name) {
  for (const auto kind : {TokenKind::poster, TokenKind::screen, TokenKind::receipt, TokenKind::staff})
    if (to_string(kind) == name) return kind;
  return std::nullopt;
}

MintedToken mint(const TokenOrder& order, const TokenKeys& keys, WallTime now, std::chrono::seconds rotation,
                 const Random& random) {
  Raw raw{};
  raw[0] = kVersion;
  raw[1] = keys.current.id;
  raw[2] = static_cast<std::uint8_t>(order.kind);
  const auto store = store_tag(order.store);
  std::copy(store.begin(), store.end(), raw.begin() + 3);
  const auto zone = zone_tag(order.zone);
  std::copy(zone.begin(), zone.end(), raw.begin() + kZoneAt);
  MintedToken out;
  if (order.kind == TokenKind::screen) {
    const auto slot = seconds_of(now) / rotation.count();
    put32(&raw[kTimeAt], static_cast<std::uint32_t>(slot));
    screen_nonce(raw, keys.current);
    out.expires = at_seconds((slot + 2) * rotation.count());
  } else {
    const auto expiry = seconds_of(now) + order.ttl.count();
    put32(&raw[kTimeAt], static_cast<std::uint32_t>(expiry));
    random(std::span(raw).subspan(kNonceAt, 8));
    out.expires = at_seconds(expiry);
  }
  sign(raw, keys.current);
  out.text = to_base64url(raw);
  return out;
}

tl::expected<Token, campaign::Reason> verify(std::string_view text, const TokenKeys& keys, std::string_view store,
                                             const std::vector<std::string>& zones, WallTime now,
                                             std::chrono::seconds rotation) {
  const auto bad = tl::make_unexpected(campaign::Reason::bad_signature);
  if (text.size() > 64) return bad;
  const auto decoded = from_base64url(text);
  if (!decoded || decoded->size() != kSize || decoded->front() != kVersion) return bad;
  const ByteView raw(*decoded);
  if (!signed_by(raw, keys.current) && !(keys.previous && signed_by(raw, *keys.previous))) return bad;
  const auto tag = store_tag(store);
  if (!std::equal(tag.begin(), tag.end(), raw.begin() + 3)) return bad;
  if (raw[2] < 1 || raw[2] > 4) return bad;

  Token token;
  token.kind = static_cast<TokenKind>(raw[2]);
  token.zone = zone_of(raw, zones);
  token.hash = to_hex(sha256(raw)).substr(0, 32);
  const std::int64_t time = get32(&raw[kTimeAt]);
  if (token.kind == TokenKind::screen) {
    // A slot of the future was good once too: the clock was set back since. The display has a fresh one.
    const auto slot = seconds_of(now) / rotation.count();
    token.expires = at_seconds((time + 2) * rotation.count());
    if (time != slot && time != slot - 1) return tl::make_unexpected(campaign::Reason::expired);
  } else {
    token.expires = at_seconds(time);
    if (now >= token.expires) return tl::make_unexpected(campaign::Reason::expired);
  }
  return token;
}

}  // namespace foyer::portal
