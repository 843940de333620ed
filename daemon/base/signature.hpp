#pragma once

#include <array>
#include <cstdint>

#include "base/encoding.hpp"

/// Ed25519 (RFC 8032) over OpenSSL's libcrypto (docs/adr/0001). Any thread. A failure inside libcrypto terminates.
namespace foyer {

using SignatureSeed = std::array<std::uint8_t, 32>;  ///< the private key: any 32 random bytes
using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

PublicKey public_key_of(const SignatureSeed& seed);
Signature sign(const SignatureSeed& seed, ByteView message);
/// False as well where the key is no point of the curve.
bool is_signed_by(const PublicKey& key, ByteView message, const Signature& signature);

}  // namespace foyer
