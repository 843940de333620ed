#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace foyer::sync {

/// How many rows of a stream may be on their way to the ingester beyond its watermark. What is more waits in SQLite,
/// where a ledger event is not behind it, and not in the broker, whose queue for a slow ingester drops what is too
/// much. As many as the ingester was seen to store between two watermarks, and a second's worth more: then what is
/// ahead of a new event at the ingester is about a second's work, however rarely it says how far it is.
class Reach {
 public:
  static constexpr std::uint64_t kFewest = 8'000, kMost = 64'000;
  static constexpr std::chrono::milliseconds kAhead{1000};  ///< of work at the ingester
  static constexpr std::chrono::milliseconds kGlance{500};  ///< watermarks closer together are judged together

  /// A new connection, or rows that go again: what was seen means nothing.
  void restart() { *this = Reach{}; }
  /// The watermark went up by so many rows.
  void moved(std::uint64_t rows, MonoTime now) {
    if (!since_) {
      since_ = last_ = now;
      return;
    }
    gathered_ += rows;
    longest_ = std::max(longest_, now - last_);
    last_ = now;
    const auto took = now - *since_;
    if (took < kGlance) return;
    const std::chrono::duration<double> covered = longest_ + kAhead, seen = took;
    const auto wanted = static_cast<double>(gathered_) * (covered.count() / seen.count());
    rows_ = static_cast<std::uint64_t>(std::clamp(wanted, static_cast<double>(kFewest), static_cast<double>(kMost)));
    since_ = now;
    gathered_ = 0;
    longest_ = {};
  }
  std::uint64_t rows() const { return rows_; }

 private:
  std::uint64_t rows_ = kFewest, gathered_ = 0;
  MonoTime::duration longest_{};  ///< between two watermarks
  MonoTime last_{};
  std::optional<MonoTime> since_;
};

}  // namespace foyer::sync
