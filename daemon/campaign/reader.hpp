#pragma once

#include <string>
#include <string_view>

#include "base/document.hpp"
#include "campaign/lint.hpp"
#include "campaign/model.hpp"

namespace foyer::campaign {

/// The one reader of campaigns, for YAML and JSON alike: every fault at once, nothing by default that was written
/// wrong.
tl::expected<Campaign, Faults> read_campaign(const Node& document, const std::string& source,
                                             const Ceilings& ceilings = legal_ceilings());
/// The same without the rules of campaign/lint.hpp: what they accepted once is read again whatever they are now.
tl::expected<Campaign, Faults> read_stored_campaign(const Node& document, const std::string& source);

/// Where JSON comes from. What is stored was limited when it came in, as YAML or as JSON that was shorter than our own
/// with its defaults written out: it is read whatever its size.
enum class Origin { wire, stored };

/// JSON text (as it comes over MQTT, or as the ledger stored it). A fault's key is a JSON pointer.
tl::expected<Campaign, Faults> parse_campaign_json(std::string_view text, const std::string& source,
                                                   Origin origin = Origin::wire,
                                                   const Ceilings& ceilings = legal_ceilings());

/// The model as JSON that parse_campaign_json reads back to an equal Campaign.
std::string to_json(const Campaign& campaign);

}  // namespace foyer::campaign
