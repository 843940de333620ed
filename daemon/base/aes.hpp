#pragma once

#include <array>
#include <cstdint>

namespace foyer {

using AesBlock = std::array<std::uint8_t, 16>;

/// AES-128 of one block (FIPS 197), over OpenSSL's libcrypto (docs/adr/0001). A building block of formats that are
/// defined by it, such as Eddystone-EID; nothing longer is enciphered with it. Any thread; a failure inside libcrypto
/// terminates.
AesBlock aes128_block(const AesBlock& key, const AesBlock& block);

}  // namespace foyer
