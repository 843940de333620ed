#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/crypto.hpp"

namespace foyer {

/// Turns a personal identifier (a phone's address, a lent beacon) into a name that means nothing without the key.
/// HMAC-SHA-256 cut to 96 bits over `domain`, a zero byte and the value; so the same address has unrelated names in
/// two domains. This is pseudonymisation, not anonymity: whoever holds the key can repeat it, so keys are rotated
/// and destroyed (docs/privacy.md). Any thread.
class Pseudonyms {
 public:
  using Key = std::array<std::uint8_t, 32>;
  explicit Pseudonyms(const Key& key) : key_(key) {}

  /// 20 lower-case Crockford base-32 characters.
  std::string name(std::string_view domain, ByteView value) const;

 private:
  Key key_;
};

/// Crockford's base 32, lower case, most significant bits first; the last character is padded with zero bits.
std::string to_base32(ByteView bytes);

}  // namespace foyer
