#pragma once

#include "ledger/context.hpp"

/// What time makes of the rows: coupons and sessions that ended, memories that are no longer needed.
namespace foyer::ledger {

inline constexpr std::chrono::hours kKeepTillAnswers{7 * 24};  ///< idempotency keys
inline constexpr std::chrono::hours kKeepDraws{7 * 24};        ///< answers by nonce; a nonce lives a minute
inline constexpr std::chrono::hours kKeepTokenUses{45 * 24};   ///< longer than any single-use token lives
inline constexpr std::int64_t kMostTokenUses = 200'000;        ///< in all: past it the oldest go
inline constexpr std::int64_t kKeepCountsDays = 45;            ///< counts of subjects who did not come again
inline constexpr std::size_t kLateAtOnce = 1'000;              ///< rows of a stream that go in one piece, and one gap
inline constexpr std::chrono::minutes kSessionGrace{5};        ///< the gate tells the bytes of an ended session itself

struct Swept {
  std::uint64_t late_presence = 0, late_health = 0;  ///< rows not told upstream in time (base/lifetime.hpp)
  bool more = false;                                 ///< of some kind more are waiting (ledger/broom.hpp)
};

/// One piece of the work. `room`: expiries may be told, which takes room until they are safe upstream.
Swept sweep(Context& context, bool room);

}  // namespace foyer::ledger
