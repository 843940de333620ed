#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "portal/token.hpp"

/// The pass: names a session, so that it follows its phone to another address or MAC. It stands in the cookie `foyer`
/// and in a link (/q/{pass}). base64url, 46 characters:
///   version 2 | key id 1 | session id 16 | HMAC-SHA-256 over all before and the purpose, cut to 16    (docs/tokens.md)
/// It holds no time of its own: it is worth something as long as its session is. Any thread.
namespace foyer::portal {

/// `session`: 32 hex.
std::string make_pass(const TokenKeys& keys, std::string_view session);

/// The session, 32 hex, of a pass of ours; nullopt for anything else.
std::optional<std::string> session_of_pass(const TokenKeys& keys, std::string_view text, WallTime now);

/// Its first byte says so; whether it is ours, only session_of_pass tells.
bool looks_like_pass(std::string_view text);

}  // namespace foyer::portal
