#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "campaign/reason.hpp"
#include "portal/token.hpp"

/// The right to draw once: made by `open`, spent by `draws`. Nothing is stored for it: expiry, randomness and the
/// device it was given to are in it, signed. The ledger keeps the hash of those that were spent.
namespace foyer::portal {

inline constexpr std::chrono::seconds kNonceLife{60};

/// Derived from the token secret, so that a nonce is never a token and neither key gives the other away.
using NonceKey = Digest;
NonceKey nonce_key(const TokenKeys::Key& key);

/// base64url of: expiry 4 | random 12 | device tag 8 | HMAC-SHA-256 over all before, cut to 16 = 54 characters.
std::string make_nonce(const NonceKey& key, std::string_view device, WallTime now, const Random& random);

/// bad_signature: not one of ours; wrong_holder: given to another device; nonce_expired. In this order, so that only
/// the holder learns how old it is.
tl::expected<void, campaign::Reason> check_nonce(const NonceKey& key, std::string_view nonce, std::string_view device,
                                                 WallTime now);

/// The identity of the draw: SHA-256, hex, cut to 32 characters.
std::string nonce_hash(std::string_view nonce);

}  // namespace foyer::portal
