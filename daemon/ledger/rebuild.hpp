#pragma once

#include "ledger/ledger.hpp"
#include "ledger/sqlite.hpp"

/// A new file in the place of a damaged one, so that a cut at any moment leaves either the damaged file where it was or
/// the whole of what could be kept:
///
///   <path>.new             being filled. Whatever it holds, it is removed at the next start.
///   <path>.recovered-<n>   complete and on the disk: the next start puts it in place.
///   <path>.damaged-<n>     the damaged file, with its -wal and -shm.
namespace foyer::ledger {

/// Removes what an unfinished rebuild left and puts a finished one in place. False: there was none.
Result<bool> resume_rebuild(const Settings& settings);

/// Makes a new file of what can be read of the damaged one and puts it in place. Its epoch and its storage.recovered
/// event are in it. On failure the damaged file is where it was, or the next start goes on. Throws SqlError.
Result<void> rebuild(const Settings& settings);

/// What came of the rebuild that made this file, as it was told upstream.
Opened rebuilt_from(Db& db);

}  // namespace foyer::ledger
