#pragma once

#include <string>

#include "base/result.hpp"
#include "ports/gate.hpp"

namespace foyer::drivers::nftables {

/// The whole of table `inet foyer` as one nft transaction (rules/foyer.nft): makes what is missing and replaces every
/// rule, but never touches what the sets hold. Code::refuse: the policy is not one. Any thread.
Result<std::string> ruleset(const ports::GatePolicy& policy);

/// Takes the table away, whether it is there or not.
inline constexpr const char* kRemoval = "add table inet foyer\ndelete table inet foyer\n";

}  // namespace foyer::drivers::nftables
