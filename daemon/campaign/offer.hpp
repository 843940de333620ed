#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "campaign/draw.hpp"

/// Offers come to a shopper unasked, so the house limits them whatever the campaigns say.
namespace foyer::campaign {

struct OfferRules {
  std::uint32_t subject_day = 10;    ///< to one shopper on a local day, of all campaigns
  std::optional<std::uint32_t> day;  ///< to all on a local day; absent: no limit
  std::vector<Hours> quiet;          ///< no offer in these hours of the shop's clock; may cross midnight
  bool operator==(const OfferRules&) const = default;
};

/// Offers made today, of all campaigns.
struct OffersToday {
  std::uint32_t subject = 0, all = 0;
};

/// Why no offer may be made now: outside_hours in quiet hours (clock_untrusted where they cannot be known),
/// subject_cap, campaign_cap.
std::optional<Reason> refused_by_house(const OfferRules& rules, const OffersToday& made, const Moment& moment);

}  // namespace foyer::campaign
