#pragma once

#include "ledger/context.hpp"

/// Who may work at /staff. A PIN is short, so tries are counted before they are judged and waiting grows.
namespace foyer::ledger {

inline constexpr std::size_t kMostStaff = 500;
inline constexpr std::uint32_t kFreeTries = 5;  ///< wrong ones in a row before the first wait
inline constexpr std::chrono::minutes kFirstWait{1};
inline constexpr std::chrono::hours kLongestWait{1};  ///< each further wrong try doubles the wait up to here

/// How long nobody may try after so many wrong tries in a row.
std::chrono::milliseconds wait_after(std::uint32_t failures);

/// One more try for this name, counted as wrong until staff_entered says otherwise: however many try at once, no more
/// are judged than are free. Absent: nobody of that name.
std::optional<Ledger::Knock> staff_knock(Context& context, const std::string& name);
void staff_entered(Context& context, const std::string& name);

Result<void> staff_add(Context& context, const std::string& name, const std::string& role, const std::string& pin);
Result<void> staff_remove(Context& context, const std::string& name);
std::vector<Ledger::StaffRow> staff_list(Db& db);

}  // namespace foyer::ledger
