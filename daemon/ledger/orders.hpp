#pragma once

#include <optional>
#include <string>

#include "ledger/context.hpp"

/// What commands from upstream were answered. An answer comes back for a command that comes again, also after a
/// restart.
namespace foyer::ledger {

inline constexpr std::chrono::hours kKeepOrders{7 * 24};
inline constexpr std::int64_t kMostOrders = 1000;  ///< the oldest go

std::optional<std::string> order_answer(Db& db, const std::string& key);
void remember_order(Context& context, const std::string& key, const std::string& answer);
void forget_orders(Context& context);

}  // namespace foyer::ledger
