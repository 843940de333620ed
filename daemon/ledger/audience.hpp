#pragma once

#include "ledger/deal.hpp"

/// What the house knows of a shopper: since when, of which segments; and, for campaigns with a holdout, what became of
/// those who were treated and those who were held out.
namespace foyer::ledger {

class Broom;

inline constexpr std::size_t kMostSegments = 64;  ///< of one subject; an order for more is refused

/// The shopper with what the campaigns of this trigger ask for: segments, and whether they were here on an earlier day.
campaign::Shopper known_to(Context& context, campaign::Shopper shopper, const std::vector<std::string>& known_as,
                           campaign::Trigger trigger);

/// Somebody came in: remembered by local day.
void note_visit(Context& context, const std::string& subject, const Names& names);
/// Whether the campaign holds this shopper out. Assigned when first asked and kept, whatever the shopper is called
/// later; whoever is known by none of the names is somebody new. False for a campaign without a holdout.
bool is_held_out(Context& context, const campaign::Campaign& campaign, const std::string& subject, const Names& names);
/// A sale or a redemption that is known to be of somebody with these names. `shown`: the campaign of the coupon it is
/// known by, empty where it was another way. It does not count for that campaign: who is held out has no such coupon
/// to be known by, and the two would not be alike.
void note_bought(Context& context, const Names& names, const std::string& shown);

/// The subject's segments from now on.
Result<void> set_segments(Context& context, const std::string& subject, const std::vector<std::string>& names);
/// What erasing the subject takes away of this.
void forget_audience(Context& context, const std::string& subject);
void sweep_audience(Context& context, Broom& broom);

std::vector<campaign::Arms> arms(Db& db);

}  // namespace foyer::ledger
