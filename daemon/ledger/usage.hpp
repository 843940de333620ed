#pragma once

#include "ledger/context.hpp"
#include "ledger/deal.hpp"

/// The counts behind limits and stock. Every read and write is one row by its primary key.
namespace foyer::ledger {

/// What stands for the subject in the counts: it cannot be turned back and is not the name events carry.
Bytes counted_as(const Settings& settings, const std::string& subject);

/// Of all names together.
campaign::Usage usage_of(Context& context, const campaign::Campaign& campaign, const Names& names);

/// A draw that was won or lost; wins count towards the caps.
void count_draw(Context& context, const std::string& campaign, const Bytes& who, bool won);

/// One more of this prize went; tells stock.low and stock.exhausted once each.
void count_prize(Context& context, const std::string& campaign, const campaign::Prize& prize, std::int64_t minor);

}  // namespace foyer::ledger
