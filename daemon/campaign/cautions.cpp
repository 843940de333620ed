#include "campaign/cautions.hpp"

#include <fmt/format.h>

#include <set>

namespace foyer::campaign {

std::vector<std::string> cautions(const Campaign& campaign) {
  std::vector<std::string> all;
  for (const auto& prize : campaign.prizes) {
    const std::set<std::string> shops(prize.redeem_at.begin(), prize.redeem_at.end());
    // One with hours is taken at home alone.
    if (prize.kind != PrizeKind::coupon || shops.size() < 2 || prize.valid.hours != WeekHours{}) continue;
    const auto uses = shops.size() * prize.uses;
    all.push_back(fmt::format(
        "campaign {}: prizes.{}.redeem_at: {} shops take this coupon, and each as often as it has uses, for "
        "they do not hear of one another in time: {} uses of one coupon at most. Name one shop where that is "
        "not meant",
        campaign.id, prize.id, shops.size(), uses));
  }
  return all;
}

}  // namespace foyer::campaign
