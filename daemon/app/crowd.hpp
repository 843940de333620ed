#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/time.hpp"
#include "beacon/identifier.hpp"

namespace foyer::app {

/// How many different shoppers were in each zone in each hour (UTC), without a list of them: a HyperLogLog sketch a
/// zone (Flajolet and others, 2007; 1,024 registers, about 3 % off, small numbers by linear counting) over hashes with
/// a key of the hour. Key and sketches are forgotten at its end. Core thread.
class Crowd {
 public:
  /// One zone in one hour. A number below k is not given, a zero neither; and no sums are, from which one could be.
  struct Hour {
    std::string zone;
    WallTime from{};
    std::optional<std::uint32_t> shoppers;
  };
  static constexpr std::size_t kMostPast = 24 * 64;  ///< hours kept, of all zones together; the oldest goes first

  explicit Crowd(Random random) : random_(std::move(random)) { random_(key_); }

  /// The zones that are counted; those that are no longer there end with the hour.
  void configure(const std::vector<std::string>& zones, std::uint32_t k);
  void add(const std::string& zone, const beacon::Identifier& id);
  /// Moves to `now`: what an hour that has ended came to, nothing while it goes on.
  std::vector<Hour> roll(WallTime now);

  const std::deque<Hour>& past() const { return past_; }
  std::uint32_t k() const { return k_; }

 private:
  using Sketch = std::array<std::uint8_t, 1024>;

  Random random_;
  Digest key_{};
  std::uint32_t k_ = 10;
  WallTime hour_{};
  std::map<std::string, Sketch> zones_;
  std::vector<std::string> wanted_;
  std::deque<Hour> past_;
};

}  // namespace foyer::app
