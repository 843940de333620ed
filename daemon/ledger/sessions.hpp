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
std::optional<std::string> consent_of(Db& db, const std::string& subject);

}  // namespace foyer::ledger
