#pragma once

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "campaign/reason.hpp"
#include "portal/token.hpp"

/// The right to draw once: made by `open`, spent by `draws`. Nothing is stored for it: expiry, randomness, the shopper
/// and the session it was given to are in it, signed. The ledger keeps the hash of those that were spent.
namespace foyer::portal {

inline constexpr std::chrono::seconds kNonceLife{60};

/// Derived from the token secret, so that a nonce is never a token and neither key gives the other away.
using NonceKey = Digest;
/// The key in use first, then those it took the place of: what they signed is still known, so that the same nonce has
/// the same answer.
std::vector<NonceKey> nonce_keys(const TokenKeys& keys);

inline constexpr std::size_t kNonceLength = 64;
/// base64url of: expiry 4 | random 12 | tag of the subject 8 | tag of the session 8 | HMAC-SHA-256 over all before, cut
/// to 16 = 64 characters.
std::string make_nonce(const NonceKey& key, std::string_view subject, std::string_view session, WallTime now,
                       const Random& random);

/// `names`: all the shopper has. bad_signature: not one of ours; wrong_holder: given to somebody else; nonce_expired:
/// its minute or its session is over. In this order, so that only the holder learns how old it is.
tl::expected<void, campaign::Reason> check_nonce(std::span<const NonceKey> keys, std::string_view nonce,
                                                 std::span<const std::string> names, std::string_view session,
                                                 WallTime now);

/// The identity of the draw: SHA-256, hex, cut to 32 characters.
std::string nonce_hash(std::string_view nonce);

}  // namespace foyer::portal
