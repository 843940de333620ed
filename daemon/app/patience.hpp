#pragma once

#include <chrono>

namespace foyer::app {

/// How long one thread waits for another's answer before it says that the house is busy.
inline constexpr std::chrono::milliseconds kCore{1'000};
inline constexpr std::chrono::milliseconds kLedger{3'000};            ///< somebody waits at a screen
inline constexpr std::chrono::milliseconds kUnhurriedLedger{10'000};  ///< nobody does, and the card may be slow

}  // namespace foyer::app
