#pragma once

#include <string>
#include <vector>

#include "campaign/model.hpp"

namespace foyer::campaign {

/// What is allowed and should be known: a coupon that several shops take can be used in each of them (docs/till.md). A
/// sentence each, with the key it is about.
std::vector<std::string> cautions(const Campaign& campaign);

}  // namespace foyer::campaign
