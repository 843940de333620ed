#pragma once

#include "ledger/context.hpp"

/// The red packets of a campaign: split when it is stored, taken one by one, the rest returned when it is over.
namespace foyer::ledger {

/// Splits anew; what there was goes. Only before the campaign has started.
void split_packets(Context& context, const campaign::Campaign& campaign);
/// The next packet's smallest units; nullopt when none is left.
std::optional<std::int64_t> pop_packet(Context& context, const std::string& campaign, const std::string& prize);
/// What nobody took goes back, and is told once (campaign.applied with `returned`).
void return_packets(Context& context, const campaign::Campaign& campaign);
/// After a later end: what went back is split again.
void take_back_packets(Context& context, const campaign::Campaign& campaign);

}  // namespace foyer::ledger
