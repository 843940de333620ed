#pragma once

#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/pseudonym.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "portal/token.hpp"

/// The secrets of one gateway: made at first start beside the database, one file each, mode 0600, replaced whole
/// (written aside, synced, renamed), so that a power cut leaves the old or the new one.
namespace foyer::app {

/// A pseudonym key and when it was made.
struct DatedKey {
  WallTime made{};
  Pseudonyms::Key key{};
};

struct Secrets {
  portal::TokenKeys tokens;          ///< token.keys: `id hex until-unix-seconds`, newest first, at most kTokenKeys
  std::vector<DatedKey> pseudonyms;  ///< pseudonym.keys: `unix-ms hex`, newest first, at most kPseudonymKeys
  Bytes holdout;                     ///< holdout.key: never rotated, a new one would draw new holdouts
  Bytes beacons;                     ///< beacon.key: rolling minors
  Bytes coupons;  ///< coupon.key: signs the QR codes of coupons; a new one makes those out there void
};

/// The newest key names new visitors; the older ones recognise sessions under way and who holds a coupon, for a week:
/// wifi.session.length is at most 7 days, and a key is a day old before there is another.
inline constexpr std::size_t kPseudonymKeys = 8;

/// Token keys kept: the one that signs and those whose tokens may still be out.
inline constexpr std::size_t kTokenKeys = 8;

/// Reads the secrets in `folder`, making those that are missing. A file that cannot be read or is malformed is
/// Code::fatal and named: it is never replaced, since every token and session hangs on it.
Result<Secrets> load_secrets(const std::string& folder, const Random& random, WallTime now);

/// Puts a new pseudonym key in front when the newest is older than `age`; drops what is over. True when it did.
Result<bool> rotate_pseudonyms(const std::string& folder, Secrets& secrets, std::chrono::hours age,
                               const Random& random, WallTime now);

/// Remembers, on the disk before anything else knows the token, that the current key signed something that is good
/// until then. Rounded up to whole days, so that minting writes a file once a day at most.
Result<void> note_signed(const std::string& folder, Secrets& secrets, WallTime until);

/// A new key signs from now on. The one before it is accepted until what it signed ends, at least until `least` (for
/// screens and passes); keys whose time is over go. Code::refuse: kTokenKeys of them still have tokens out.
Result<void> rotate_tokens(const std::string& folder, Secrets& secrets, WallTime least, const Random& random,
                           WallTime now);

}  // namespace foyer::app
