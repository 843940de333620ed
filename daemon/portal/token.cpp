#include "portal/token.hpp"

#include <algorithm>

#include "base/pseudonym.hpp"
#include "portal/display.hpp"

namespace foyer::portal {

namespace {

constexpr std::uint8_t kTokenVersion = 1;
constexpr std::size_t kTokenMac = 16;
constexpr std::size_t kTokenBody = 1 + 1 + 1 + 4 + 2 + 4 + 8;
constexpr std::size_t kTokenSize = kTokenBody + kTokenMac;
constexpr std::size_t kZoneAt = 7, kTimeAt = 9, kNonceAt = 13;

using Raw = std::array<std::uint8_t, kTokenSize>;
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
  const auto mac = hmac_sha256(key.secret, ByteView(raw.data(), kTokenBody));
  std::copy_n(mac.begin(), kTokenMac, raw.begin() + kTokenBody);
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
  const auto mac = hmac_sha256(key.secret, raw.first(kTokenBody));
  return constant_time_equal(raw.subspan(kTokenBody), ByteView(mac.data(), kTokenMac));
}

std::string typed_code(const Raw& raw, const TokenKeys::Key& key) {
  const std::string_view purpose = "typed code";
  Bytes message(raw.begin(), raw.begin() + kTokenBody);
  message.insert(message.end(), purpose.begin(), purpose.end());
  const auto digest = hmac_sha256(key.secret, message);
  auto code = to_base32(ByteView(digest.data(), kTypedCode * 5 / 8));
  std::transform(code.begin(), code.end(), code.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return code;
}

/// Version, key, kind, store and zone.
Raw begin_token(TokenKind kind, std::string_view store, std::string_view zone, const TokenKeys::Key& key) {
  Raw raw{};
  raw[0] = kTokenVersion;
  raw[1] = key.id;
  raw[2] = static_cast<std::uint8_t>(kind);
  const auto store_bytes = store_tag(store);
  std::copy(store_bytes.begin(), store_bytes.end(), raw.begin() + 3);
  const auto zone_bytes = zone_tag(zone);
  std::copy(zone_bytes.begin(), zone_bytes.end(), raw.begin() + kZoneAt);
  return raw;
}

Raw screen_token(std::string_view store, std::string_view zone, std::int64_t slot, const TokenKeys::Key& key) {
  auto raw = begin_token(TokenKind::screen, store, zone, key);
  put32(&raw[kTimeAt], static_cast<std::uint32_t>(slot));
  screen_nonce(raw, key);
  sign(raw, key);
  return raw;
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

const TokenKeys::Key* TokenKeys::find(std::uint8_t id) const {
  if (current.id == id) return &current;
  const auto found = std::find_if(previous.begin(), previous.end(), [&](const Key& key) { return key.id == id; });
  return found == previous.end() ? nullptr : &*found;
}

MintedToken mint(const TokenOrder& order, const TokenKeys& keys, WallTime now, std::chrono::seconds rotation,
                 const Random& random) {
  const auto& key = keys.current;
  Raw raw;
  MintedToken out;
  if (order.kind == TokenKind::screen) {
    const auto slot = seconds_of(now) / rotation.count();
    raw = screen_token(order.store, order.zone, slot, key);
    out.expires = at_seconds((slot + 2) * rotation.count());
    if (!order.zone.empty()) out.display = display_key(keys, order.store, order.zone);
  } else {
    raw = begin_token(order.kind, order.store, order.zone, key);
    const auto expiry = seconds_of(now) + order.ttl.count();
    put32(&raw[kTimeAt], static_cast<std::uint32_t>(expiry));
    random(std::span(raw).subspan(kNonceAt, 8));
    sign(raw, key);
    out.expires = at_seconds(expiry);
  }
  out.text = to_base64url(raw);
  out.code = typed_code(raw, key);
  return out;
}

tl::expected<Token, campaign::Reason> verify(std::string_view text, const TokenKeys& keys, std::string_view store,
                                             const std::vector<std::string>& zones, WallTime now,
                                             std::chrono::seconds rotation) {
  const auto bad = tl::make_unexpected(campaign::Reason::bad_signature);
  if (text.size() > 64) return bad;
  const auto decoded = from_base64url(text);
  if (!decoded || decoded->size() != kTokenSize || decoded->front() != kTokenVersion) return bad;
  const ByteView raw(*decoded);
  const auto* key = keys.find(raw[1]);
  if (key == nullptr || !signed_by(raw, *key)) return bad;
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
  // A previous key that leaked signs nothing that would outlive what it had signed when it was replaced.
  if (key != &keys.current && token.expires > key->until) return bad;
  return token;
}

std::optional<std::string> canonical_typed(std::string_view text) {
  std::string code;
  for (char c : text) {
    if (c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    const bool ours = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z' && c != 'U');
    if (!ours || code.size() == kTypedCode) return std::nullopt;
    code.push_back(c);
  }
  return code.size() == kTypedCode ? std::optional(code) : std::nullopt;
}

std::optional<std::string> screen_token_of(const std::string& code, const TokenKeys& keys, std::string_view store,
                                           const std::vector<std::string>& zones, WallTime now,
                                           std::chrono::seconds rotation) {
  const auto slot = seconds_of(now) / rotation.count();
  const auto fits = [&](std::string_view zone, std::int64_t at, const TokenKeys::Key& key) {
    const auto raw = screen_token(store, zone, at, key);
    return constant_time_equal(as_bytes(typed_code(raw, key)), as_bytes(code)) ? to_base64url(raw) : std::string();
  };
  std::vector<const TokenKeys::Key*> able{&keys.current};
  for (const auto& key : keys.previous)
    if (key.until > now) able.push_back(&key);
  for (const auto* key : able)
    for (const auto at : {slot, slot - 1}) {
      if (auto token = fits("", at, *key); !token.empty()) return token;
      for (const auto& zone : zones)
        if (auto token = fits(zone, at, *key); !token.empty()) return token;
    }
  return std::nullopt;
}

Bytes body_of(std::string_view token) {
  auto raw = from_base64url(token).value_or(Bytes());
  raw.resize(std::min(raw.size(), kTokenBody));
  return raw;
}

std::string token_of(ByteView body, const TokenKeys& keys) {
  const auto* key = body.size() == kTokenBody ? keys.find(body[1]) : nullptr;
  if (key == nullptr) return {};
  Raw raw{};
  std::copy(body.begin(), body.end(), raw.begin());
  sign(raw, *key);
  return to_base64url(raw);
}

}  // namespace foyer::portal
