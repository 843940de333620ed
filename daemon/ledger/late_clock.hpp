#pragma once

#include "ledger/context.hpp"

namespace foyer::ledger {

/// A box that was off for weeks starts at the time it had saved, and nobody vouches for that. What is stored then has
/// that time, and the first look with the right one would find it old: keys and nonces forgotten, coupons over. So,
/// before anything is ended by a time that is vouched for, what this boot stored without is moved to it.
/// Ledger thread only.
class LateClock {
 public:
  static constexpr std::int64_t kWorthMs = 60'000;  ///< nearer than this nothing is moved
  /// Steps of a clock nobody vouches for; what is stored after later ones stays as it was.
  static constexpr std::size_t kMostStretches = 64;
  static constexpr std::int64_t kSameClockMs = 1000;  ///< so near, it is the same clock, slewed

  /// The runs of this boot before this one in which nobody vouched for the time.
  void load(Db& db, const std::string& boot_id, std::uint64_t boot_seq);
  /// Nobody vouches for the time of this group. `offset_ms`: wall clock minus monotonic clock.
  void note(std::uint64_t boot_seq, WallTime now, std::int64_t offset_ms);
  /// Somebody does. Inside a transaction: then committed, or note() and what was noted stand as they are.
  void put_right(Context& context, std::int64_t offset_ms);
  void committed();
  void rolled_back() { done_ = false; }

 private:
  /// What was stored by one clock in one run.
  struct Stretch {
    std::uint64_t boot = 0;
    std::int64_t from_ms = 0, to_ms = 0;  ///< of the wall clock, both included
    std::int64_t offset_ms = 0;
  };
  std::vector<Stretch> stretches_;
  bool done_ = false;
};

}  // namespace foyer::ledger
