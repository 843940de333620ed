#pragma once

#include "ledger/context.hpp"

/// Guests' time on the Wi-Fi and their consent.
namespace foyer::ledger {

campaign::AdmitAnswer admit(Context& context, const campaign::AdmitCommand& command);
void end_session(Context& context, const campaign::SessionEnd& end);
void count_sessions(Context& context, const std::vector<campaign::SessionBytes>& counted);
std::optional<Session> carry_session(Context& context, const std::string& id, const std::string& pair);
std::vector<Session> open_sessions(Db& db, WallTime now);

void give_consent(Context& context, const std::string& subject, const std::string& terms_hash);
/// Takes the consent back and erases what is known of the subject. The counts stay, keyed by a hash of their own.
void withdraw_consent(Context& context, const std::string& subject);
std::optional<std::string> consent_of(Db& db, const std::string& subject);

}  // namespace foyer::ledger
