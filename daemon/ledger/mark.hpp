#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/event.hpp"

/// What is remembered beside the database, in its lock file, so that a copy of yesterday put in its place is noticed:
/// it would give numbers again that were already sent, and an ingester would take new events for old ones. The lock
/// file may have been put back with it; so it names a time that no program can put back: when the kernel last changed
/// the inode of `<path>.seal`, which is touched at each opening.
namespace foyer::ledger {

struct Mark {
  std::string epoch;
  std::uint64_t boot = 0;                             ///< openings
  std::uint64_t inode = 0;                            ///< of the database file
  std::array<std::uint64_t, kStreams.size()> last{};  ///< every stream had got at least this far
  std::uint64_t seal = 0;  ///< ns; 0: it is just being touched, or there is none (an earlier version, no room)

  /// What is missing from the file that says `now`, in events; nullopt: it is the file the mark was made for.
  std::optional<std::uint64_t> missing_in(const Mark& now) const;
};

/// One line of at most 256 bytes at the beginning of the file. nullopt: it holds none.
std::optional<Mark> read_mark(int fd);
/// Written and synced; call it when what it says is on the disk. A failure leaves an older mark or none.
void write_mark(int fd, const Mark& mark);

/// Damage was met while running, which the quick look at the next start need not find (an index that lacks an entry):
/// then it looks at everything. A second line of the file. Synced; a failure leaves things as they were.
void note_damage(int fd);
bool damage_noted(int fd);
void forget_damage(int fd);

std::uint64_t inode_of(const std::string& path);
/// When the seal of the database was touched; 0: there is none.
std::uint64_t seal_of(const std::string& path);
std::uint64_t touch_seal(const std::string& path);

}  // namespace foyer::ledger
