#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "base/time.hpp"
#include "drivers/bluez/bluez.hpp"
#include "ports/radio.hpp"

namespace foyer::drivers::bluez {

/// Which rung to try, and when, for a radio in trouble. Climbs from the first that can help to the last; each has
/// Pace::settle to show that it helped. Then it begins again after a back-off that doubles, with full jitter: a chain's
/// boxes that lost the same thing at once do not act at once. A rung is tried kPerHour times an hour at most;
/// over that it is left out. Pure: time and randomness are handed in.
class Ladder {
 public:
  /// Mild ones cost nothing; the last ones take the shop's beacon off the air for a moment.
  static constexpr std::array<std::size_t, ports::kRungs> kPerHour{30, 12, 12, 6};

  struct Trouble {
    ports::Rung first = ports::Rung::discovery;  ///< the mildest that can help
    MonoTime since{};
    std::chrono::milliseconds patience{0};  ///< before the first rung
    bool eager = true;                      ///< false: it may be none, so each further rung waits twice as long
    std::array<bool, ports::kRungs> possible{true, true, true, true};
  };

  Ladder(const Pace& pace, std::function<std::uint64_t()> random) : pace_(pace), random_(std::move(random)) {}

  /// The rung that is due; it counts as tried.
  std::optional<ports::Rung> next(MonoTime now, const Trouble& trouble);
  /// The last rung could not be tried at all: no need to wait for its effect.
  void failed(MonoTime now) { due_ = now; }
  void over();
  /// Another trouble, of which nothing was tried yet.
  void forget() { highest_.reset(); }

  const std::array<std::uint64_t, ports::kRungs>& counts() const { return counts_; }
  std::optional<ports::Rung> highest() const { return highest_; }  ///< of this trouble, or of the last

 private:
  bool allowed(std::size_t rung, MonoTime now, const Trouble& trouble);
  void plan(MonoTime now, const Trouble& trouble);
  std::chrono::milliseconds jitter(std::chrono::milliseconds most) const;

  Pace pace_;
  std::function<std::uint64_t()> random_;
  bool climbing_ = false;
  std::size_t at_ = 0;     ///< the rung to try next
  std::size_t first_ = 0;  ///< of the trouble as it was last described
  unsigned passes_ = 0, steps_ = 0;
  MonoTime due_{};
  std::optional<ports::Rung> highest_;
  std::array<std::uint64_t, ports::kRungs> counts_{};
  std::array<std::deque<MonoTime>, ports::kRungs> tried_;  ///< within the last hour; kPerHour at most
};

}  // namespace foyer::drivers::bluez
