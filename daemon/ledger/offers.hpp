#pragma once

#include "ledger/context.hpp"

/// Offers: what campaigns give for something that happened, without being asked.
namespace foyer::ledger {

class Broom;

inline constexpr int kMostOffersShown = 50;               ///< in one answer; the rest with the next
inline constexpr std::chrono::hours kKeepOffers{7 * 24};  ///< an offer stays in the list so long

/// Every campaign of the trigger that nothing speaks against deals once, by priority; of a group at most one wins. All
/// of it in the caller's transaction, once for each instance.
campaign::TriggerAnswer happen(Context& context, const campaign::TriggerCommand& command);

/// What stands for a happening in events, in the place of a draw's nonce.
std::string instance_hash(const std::string& instance);

/// Of all these names, after `seq`, oldest first.
std::vector<campaign::Offer> offers_after(Db& db, const std::vector<std::string>& names, std::uint64_t seq);

void forget_offers(Context& context, const std::string& subject);
void sweep_offers(Context& context, Broom& broom);

}  // namespace foyer::ledger
