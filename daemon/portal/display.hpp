#pragma once

#include <string>
#include <string_view>

#include "portal/token.hpp"

/// The key in a display's link: whoever has it may show the rotating QR of one zone. It lasts as long as the token key
/// that signed it. 18 bytes in base64url (docs/tokens.md). Any thread.
namespace foyer::portal {

std::string display_key(const TokenKeys& keys, std::string_view store, std::string_view zone);

/// Signed by a key of ours that is not over, for this store and zone.
bool is_display_key(const TokenKeys& keys, std::string_view text, std::string_view store, std::string_view zone,
                    WallTime now);

}  // namespace foyer::portal
