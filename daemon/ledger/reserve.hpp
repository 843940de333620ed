#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

/// What the disk itself has left, and the piece of it that is kept back. A write-ahead log needs room even to forget
/// rows: a file system filled by somebody else would otherwise stop the one thing that makes room.
namespace foyer::ledger {

/// Bytes the file system of `path` has left for us; UINT64_MAX where it does not say.
std::uint64_t free_bytes(const std::string& path);
/// Of a file on the disk; 0 where there is none.
std::uint64_t file_bytes(const std::string& path);
/// Makes a file of so many bytes that are really there. On failure nothing is left of it.
Result<void> allocate(const std::string& path, std::int64_t bytes);

/// `<database>.ballast`: given up when the disk is full, so that forgetting, ending and checkpoints go on; taken back
/// when there is twice as much again. One thread.
class Ballast {
 public:
  static constexpr std::int64_t kBytes = 1 << 20;

  explicit Ballast(const std::string& database) : path_(database + ".ballast") {}
  /// True: it is held (again).
  bool take();
  void release();
  bool held() const { return held_; }
  /// Before the database is opened: its log and index need room, and the last run's reserve is there for that.
  static void make_way(const std::string& database);

 private:
  const std::string path_;
  bool held_ = false;
};

}  // namespace foyer::ledger
