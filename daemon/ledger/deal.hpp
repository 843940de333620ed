#pragma once

#include <string>
#include <vector>

#include "ledger/context.hpp"

/// Dealing from one campaign that nothing speaks against: the lot, the prize, the counts and the events, for shakes
/// and offers alike.
namespace foyer::ledger {

/// The shopper's names as the counts know them, the one in use first.
using Names = std::vector<Bytes>;
Names names_of(const Settings& settings, const std::string& subject, const std::vector<std::string>& known_as);

struct Occasion {
  std::string nonce_hash;  ///< of the nonce, or of what happened
  std::string mode;        ///< shake, tap, or the trigger
  const campaign::Shopper& shopper;
  const Names& names;
};

campaign::DrawAnswer deal(Context& context, const Occasion& occasion, const campaign::Campaign& campaign,
                          const campaign::Usage& usage);

/// The data of shake.won, shake.lost and shake.denied.
Json draw_data(const Occasion& occasion, const campaign::DrawAnswer& answer, const std::string& prize);

/// An answer as it was given: the coupon as it was when it was won, whatever became of it since.
campaign::DrawAnswer recall(Db& db, const std::string& record);

}  // namespace foyer::ledger
