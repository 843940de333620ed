#pragma once

#include <span>

#include "base/result.hpp"
#include "embedded/migrations.hpp"
#include "ledger/sqlite.hpp"

namespace foyer::ledger {

/// The version this program makes: the number of the newest migration.
std::int64_t newest_version();

/// Brings user_version up to date, each step in one transaction, so that a cut leaves the old or the new. A file from
/// a later program is refused unharmed (Code::fatal). Throws SqlError.
Result<void> migrate(Db& db, std::span<const embedded::File> migrations = embedded::migrations);

}  // namespace foyer::ledger
