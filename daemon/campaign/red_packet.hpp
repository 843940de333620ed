#pragma once

#include <cstdint>
#include <vector>

#include "base/crypto.hpp"

namespace foyer::campaign {

/// Splits `total_minor` into `count` packets, each at least `at_least_minor`, with the exact sum, in random order. What
/// is above the floors is cut at uniform random places, so every packet has the same chances wherever it lies.
/// Empty when it cannot be done: count is 0 or the floors exceed the total (the reader refuses such a prize).
std::vector<std::int64_t> split_red_packets(std::int64_t total_minor, std::uint32_t count, std::int64_t at_least_minor,
                                            const Random& random);

}  // namespace foyer::campaign
