#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What became of whom, as numbers that name nobody.
namespace foyer::campaign {

/// From being in the shop to using what was won.
enum class Stage { present = 1, shook, won, redeemed };
inline constexpr std::array kStages{Stage::present, Stage::shook, Stage::won, Stage::redeemed};

enum class Span { hour, day };

/// One count. `present` belongs to the house: its campaign is empty.
struct Cell {
  Span span = Span::hour;
  std::int64_t slot = 0;  ///< hours since 1970 (UTC), or local days since 1970
  std::string campaign, zone;
  Stage stage = Stage::present;
  std::uint64_t events = 0;
  std::uint64_t people = 0;  ///< different people in this slot, estimated
};

/// People of a campaign with a holdout, from when they were first treated or held out.
struct Arm {
  std::uint64_t people = 0;
  std::uint64_t returned = 0;  ///< came back on a later day
  std::uint64_t bought = 0;    ///< a sale or a redemption, of whatever campaign
};
struct Arms {
  std::string campaign;
  Arm treated, held;
};

/// A share and its 95 % confidence interval (Wilson's score).
struct Share {
  double value = 0, low = 0, high = 0;
};
Share share(std::uint64_t part, std::uint64_t whole);

/// treated − held with its 95 % confidence interval (Newcombe 1998, method 10: from both Wilson intervals). nullopt:
/// one of them has nobody.
std::optional<Share> lift(std::uint64_t treated_part, std::uint64_t treated, std::uint64_t held_part,
                          std::uint64_t held);

/// Numbers that stand together with their sum, as they may be shown: those of fewer than k people are left out (none is
/// no secret), and where one alone would be left out another goes with it, or the sum would give it away. The sum is
/// left out where it is of fewer than k people.
struct Shown {
  std::vector<std::optional<std::uint64_t>> parts;
  std::optional<std::uint64_t> sum;
};
Shown suppress(const std::vector<std::uint64_t>& people, std::uint64_t k);

}  // namespace foyer::campaign
