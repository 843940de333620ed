#include <fmt/format.h>

#include <algorithm>

#include "campaign/draw.hpp"
#include "counting.hpp"
#include "figure.hpp"

namespace foyer::bench {
namespace {

using namespace std::chrono_literals;
using campaign::Campaign;

constexpr std::size_t kCampaigns = 1000;

/// Each is refused for another reason, found as late as that reason is looked for; only the last in order takes all.
Campaign campaign_number(std::size_t i) {
  Campaign campaign;
  campaign.id = fmt::format("campaign-{:04}", i);
  campaign.limits.interval = 0s;
  campaign::Prize prize;
  prize.id = "ten-off";
  prize.kind = campaign::PrizeKind::coupon;
  campaign.prizes = {prize};
  campaign.priority = static_cast<int>(kCampaigns - i);
  if (i + 1 == kCampaigns) return campaign;
  campaign.schedule.days = 0x3e;
  campaign.schedule.hours = {{11 * 60, 14 * 60}, {17 * 60, 2 * 60}};
  campaign.where.zones = {"entrance", "till"};
  switch (i % 4) {
    case 0: campaign.schedule.hours = {{3 * 60, 4 * 60}}; break;
    case 1: campaign.where.zones = {"garden", "cellar"}; break;
    case 2: campaign.where.presence = 4; break;
    default: campaign.who.visits = campaign::Visits::returning;
  }
  return campaign;
}

}  // namespace

Figures matching() {
  std::vector<Campaign> campaigns;
  for (std::size_t i = 0; i < kCampaigns; ++i) campaigns.push_back(campaign_number(i));
  std::ranges::sort(campaigns, campaign::before);
  const auto zone = campaign::ZoneTime::load("Asia/Shanghai").value();
  const auto now = parse_rfc3339("2026-11-20T04:00:00.000Z").value();  // a Friday, 12:00 in Shanghai
  const campaign::Shopper shopper{"0123456789abcdef", 3, "entrance", false};
  const campaign::Usage usage;

  const auto match = [&]() -> const Campaign* {
    const auto moment = campaign::Moment::at(now, true, zone);
    for (const auto& campaign : campaigns)
      if (!campaign::refused_by_rules(campaign, shopper, moment) && !campaign::refused_by_usage(campaign, usage, now))
        return &campaign;
    return nullptr;
  };
  if (match() != &campaigns.back()) throw std::logic_error("match_1000_us: another campaign matched than the last");
  constexpr std::uint64_t kTimes = 2000;
  const Watch watch;
  for (std::uint64_t i = 0; i < kTimes; ++i) keep(match());
  return {{"match_1000_us", watch.seconds() * 1e6 / kTimes, "us", kTimes,
           "one shopper against 1,000 campaigns with days, hours and zones, of which only the last takes them"}};
}

}  // namespace foyer::bench
