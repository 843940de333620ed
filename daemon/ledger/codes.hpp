#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/context.hpp"

/// Codes of a merchant's own list that wait for a coupon.
namespace foyer::ledger {

/// Codes of one prize that wait at most: a list beyond it is refused.
inline constexpr std::uint64_t kMostCodes = 1'000'000;

/// All of them or none. Each fault names the position in `codes`, from 0. `dry`: nothing is stored.
Ledger::Imported import_codes(Context& context, const std::string& campaign, const std::string& prize,
                              const std::vector<std::string>& codes, bool dry);

/// How many wait, counted no further than `most`.
std::uint64_t codes_left(Db& db, const std::string& campaign, const std::string& prize, std::uint64_t most);

/// Takes the next code; nullopt when none is left.
std::optional<std::string> take_code(Context& context, const std::string& campaign, const std::string& prize);

}  // namespace foyer::ledger
