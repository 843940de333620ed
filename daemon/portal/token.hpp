#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "campaign/reason.hpp"

/// The token in a QR code: base64url, at most 64 characters. Layout, big-endian, fixed width (docs/tokens.md):
///   version 1 | key id 1 | kind 1 | store 4 (first bytes of SHA-256 of the store id) | zone 2 (likewise, 0: none)
///   | expiry or slot 4 | nonce 8 | HMAC-SHA-256 over all before, cut to 16            = 37 bytes = 50 characters
/// Compared in constant time, never logged. Any thread.
namespace foyer::portal {

enum class TokenKind : std::uint8_t { poster = 1, screen = 2, receipt = 3, staff = 4 };
std::string_view to_string(TokenKind kind);
std::optional<TokenKind> parse_token_kind(std::string_view name);

/// The signing secrets: `current` signs; each of `previous`, newest first, is accepted for what it signed in its time.
struct TokenKeys {
  struct Key {
    std::uint8_t id = 1;
    std::array<std::uint8_t, 32> secret{};
    WallTime until{};  ///< when the last of what it signed ends; of the current key: as far as that is known
  };
  Key current;
  std::vector<Key> previous;
  /// nullptr: no key of ours has that id.
  const Key* find(std::uint8_t id) const;
};

struct Token {
  TokenKind kind = TokenKind::poster;
  std::string zone;  ///< resolved from its tag among the known zones; empty: none
  WallTime expires{};
  std::string hash;  ///< 32 hex: identity for single use; safe to store and log
};

struct TokenOrder {
  TokenKind kind = TokenKind::screen;
  std::string store, zone;
  std::chrono::seconds ttl{0};  ///< screen: ignored
};

struct MintedToken {
  std::string text;
  WallTime expires{};
  std::string code;     ///< for typing: see typed_code
  std::string display;  ///< of a screen in a zone: the key in the link of its display (portal/display.hpp)
};

MintedToken mint(const TokenOrder& order, const TokenKeys& keys, WallTime now, std::chrono::seconds rotation,
                 const Random& random);

/// bad_signature: malformed, another key or another store, or signed by a previous key beyond its time; expired: was
/// good once.
tl::expected<Token, campaign::Reason> verify(std::string_view text, const TokenKeys& keys, std::string_view store,
                                             const std::vector<std::string>& zones, WallTime now,
                                             std::chrono::seconds rotation);

// ---- what is typed instead -------------------------------------------------------------------------------------

/// Crockford base-32 characters of a typed code: 40 bits of an HMAC over the token, so that it says nothing of it.
inline constexpr std::size_t kTypedCode = 8;

/// What a person typed → upper case without spaces and hyphens, I L → 1, O → 0; nullopt when it is not a typed code.
std::optional<std::string> canonical_typed(std::string_view text);

/// The screen token, of now or one rotation before, whose code this is: found by making each anew. nullopt: none.
std::optional<std::string> screen_token_of(const std::string& code, const TokenKeys& keys, std::string_view store,
                                           const std::vector<std::string>& zones, WallTime now,
                                           std::chrono::seconds rotation);

/// A token without its signature: what is kept for the codes of other kinds. Useless without the key.
Bytes body_of(std::string_view token);
/// The token of that body, signed anew by the key it names; empty when there is no such key.
std::string token_of(ByteView body, const TokenKeys& keys);

}  // namespace foyer::portal
