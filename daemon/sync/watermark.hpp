#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace foyer::sync {

/// What an ingester says on …/ack/{stream}: rows <= upto of this epoch are safe there.
struct Watermark {
  std::string epoch;
  std::uint64_t upto = 0;
};

inline constexpr std::size_t kMaxWatermarkBytes = 256;  ///< longer is refused unread

/// `{"epoch":"16 hex","upto":n}` and nothing else: rows are deleted on its word, so what is not understood whole is
/// not believed.
Result<Watermark> parse_watermark(std::string_view payload);

}  // namespace foyer::sync
