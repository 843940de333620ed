#pragma once

#include "ledger/context.hpp"
#include "ledger/deal.hpp"

/// The counts behind limits and stock. Every read and write is one row by its primary key.
namespace foyer::ledger {

/// What stands for the subject in the counts: it cannot be turned back and is not the name events carry.
Bytes counted_as(const Settings& settings, const std::string& subject);

/// What was counted of older names is counted of the one in use from now on, so that it is still found when they are no
/// longer known to be the same.
void carry_counts(Context& context, const std::string& campaign, const Names& names);

/// Of all names together; carries the counts. Without names it reads only.
campaign::Usage usage_of(Context& context, const campaign::Campaign& campaign, const Names& names);

/// A draw that was won or lost; wins count towards the caps.
void count_draw(Context& context, const std::string& campaign, const Bytes& who, bool won);

/// One more of this prize went; tells stock.low and stock.exhausted once each.
void count_prize(Context& context, const std::string& campaign, const campaign::Prize& prize, std::int64_t minor);

}  // namespace foyer::ledger
