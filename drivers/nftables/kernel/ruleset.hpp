#pragma once

#include <string>

#include "base/result.hpp"
#include "ports/gate.hpp"

namespace foyer::drivers::nftables::kernel {

/// The whole of table `inet foyer` as one nft transaction: makes what is missing and replaces every rule, but never
/// touches what the sets hold, so that guests who are in stay in and fenced sources stay fenced. Only packets that
/// enter or leave by policy.interface meet a verdict. Code::refuse: the policy is not one.
Result<std::string> ruleset(const ports::GatePolicy& policy);

/// Takes the table away, whether it is there or not.
std::string removal();

}  // namespace foyer::drivers::nftables::kernel
