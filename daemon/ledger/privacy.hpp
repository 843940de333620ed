#pragma once

#include "ledger/context.hpp"

/// What people may ask about themselves, and how long rows stay (docs/privacy.md).
namespace foyer::ledger {

class Broom;

inline constexpr std::int64_t kMostConsentRecords = 20;     ///< of one name: the oldest go
inline constexpr std::chrono::hours kKeepConsents{9 * 24};  ///< longer than a name lives

/// What stands for the subject in the record of consents; it outlives the subject's erasure.
Bytes consented_as(const Settings& settings, const std::string& subject);
void record_consent(Context& context, const std::string& subject, bool given, const std::string& terms_hash);

/// Removes what is known of these names of one person: consent, and the name in coupons, draws, offers, sales and
/// waiting events. The accounts keep their sums. For a name under which nothing is stored nothing is done or told.
void withdraw_consent(Context& context, const std::vector<std::string>& names);

/// The same, and their sessions end. `also_unknown`: consent.withdrawn is told of every name, stored here or not.
void erase(Context& context, const std::vector<std::string>& names, bool also_unknown);

/// All that is stored under these names, as JSON.
std::string export_of(Db& db, const Settings& settings, WallTime now, const std::vector<std::string>& names);

/// The record of what was won by which odds, for whoever audits the draw. `minor`: of a red packet.
void record_prize(Context& context, const std::string& nonce_hash, const std::string& subject,
                  const campaign::Campaign& campaign, const std::string& prize, std::int64_t minor);

/// Rows whose time is over go, a piece of each kind.
void forget_old(Context& context, Broom& broom);

}  // namespace foyer::ledger
