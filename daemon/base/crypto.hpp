#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/encoding.hpp"

/// The few primitives all rooms share, over OpenSSL's libcrypto (docs/adr/0001). Any thread. A failure inside
/// libcrypto is a bug or an exhausted machine and terminates.
namespace foyer {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(ByteView data);                      ///< FIPS 180-4
Digest hmac_sha256(ByteView key, ByteView data);   ///< RFC 2104
bool constant_time_equal(ByteView a, ByteView b);  ///< false at once when the lengths differ

/// Fills the span with random bytes. Handed in, so that tests can seed it.
using Random = std::function<void(std::span<std::uint8_t>)>;

/// The kernel's generator, getrandom(2).
void kernel_random(std::span<std::uint8_t> out);

/// A uniform number below `bound` (> 0) without modulo bias (rejection).
std::uint64_t random_below(const Random& random, std::uint64_t bound);

/// `bytes` random bytes as lower-case hex.
std::string random_hex(const Random& random, std::size_t bytes);

}  // namespace foyer
