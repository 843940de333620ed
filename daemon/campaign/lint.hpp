#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/strict_reader.hpp"
#include "campaign/model.hpp"

/// What is well formed and still refused, because it is unlawful or defeats itself (docs/campaigns.md):
/// rewards for sharing, prizes over the ceiling, odds that cannot be published, times at which nothing can happen.
namespace foyer::campaign {

/// The largest worth of one prize by currency, in its smallest unit. A currency that is not in it has no ceiling.
using Ceilings = std::map<std::string, std::int64_t>;

/// CNY 50,000: the largest prize of a draw (Interim Provisions on Regulating Promotional Behaviour, China, 2020).
const Ceilings& legal_ceilings();

/// The lowest odds that a page can publish with two decimals: hundredths of a percent.
inline constexpr std::uint32_t kLeastOddsBp = 1;

/// The document without keys that make sharing, inviting or following a condition, each of which is a fault: they get
/// that answer and not "is not a known key".
Node without_forced_sharing(const Node& document, FaultLog& log);

/// Logs what is wrong with a campaign whose values are good, at the place in `root` where it is written.
void lint(const Value& root, const Campaign& campaign, const Ceilings& ceilings);

}  // namespace foyer::campaign
