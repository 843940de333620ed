#include "campaign/offer.hpp"

#include <algorithm>

namespace foyer::campaign {

std::optional<Reason> refused_by_house(const OfferRules& rules, const OffersToday& made, const Moment& moment) {
  if (!rules.quiet.empty()) {
    if (!moment.clock_trusted) return Reason::clock_untrusted;
    const int minute = moment.local.minute;
    const auto holds = [&](const Hours& hours) {
      const bool crosses = hours.to <= hours.from;
      return crosses ? minute >= hours.from || minute < hours.to : minute >= hours.from && minute < hours.to;
    };
    if (std::ranges::any_of(rules.quiet, holds)) return Reason::outside_hours;
  }
  if (made.subject >= rules.subject_day) return Reason::subject_cap;
  if (rules.day && made.all >= *rules.day) return Reason::campaign_cap;
  return std::nullopt;
}

}  // namespace foyer::campaign
