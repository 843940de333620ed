#pragma once

#include <string>
#include <string_view>

#include "base/crypto.hpp"

/// A short secret of a person, stored so that a stolen file is expensive to guess from: scrypt (RFC 7914) with
/// N = 2^14, r = 8, p = 1 and a salt of 16 bytes, over OpenSSL's libcrypto. One call takes 16 MiB and some tens of
/// milliseconds: bound how many run at once. Any thread.
namespace foyer {

/// "scrypt$14$8$1$salt$hash", both in hex.
std::string hash_password(std::string_view password, const Random& random);
/// Compared in constant time. False as well where `stored` is not of that form.
bool is_password(std::string_view password, std::string_view stored);

}  // namespace foyer
