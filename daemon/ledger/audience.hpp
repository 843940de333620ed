#pragma once

#include "ledger/deal.hpp"

/// What the house knows of a shopper: since when, of which segments; and, for campaigns with a holdout, what became of
/// those who were treated and those who were held out.
namespace foyer::ledger {

inline constexpr std::size_t kMostSegments = 64;  ///< of one subject; an order for more is refused

/// The shopper with what the campaigns of this trigger ask for: segments, and whether they were here on an earlier day.
campaign::Shopper known_to(Context& context, campaign::Shopper shopper, const std::vector<std::string>& known_as,
                           campaign::Trigger trigger);

/// Somebody came in: remembered by local day.
void note_visit(Context& context, const std::string& subject, const Names& names);
/// A shopper was dealt to or held out, once for each campaign; nothing for a campaign without a holdout.
void note_arm(Context& context, const campaign::Campaign& campaign, const Names& names, bool held);
/// A sale or a redemption that is known to be this subject's.
void note_bought(Context& context, const std::string& subject);

/// The subject's segments from now on.
Result<void> set_segments(Context& context, const std::string& subject, const std::vector<std::string>& names);
/// What erasing the subject takes away of this.
void forget_audience(Context& context, const std::string& subject);
void sweep_audience(Context& context);

std::vector<campaign::Arms> arms(Db& db);

}  // namespace foyer::ledger
