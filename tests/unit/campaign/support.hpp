#pragma once

#include <cstdint>
#include <random>

#include "base/crypto.hpp"
#include "base/time.hpp"
#include "campaign/zone_time.hpp"

namespace foyer::campaign::test {

/// The same bytes every time.
inline Random seeded(std::uint64_t seed) {
  return [engine = std::mt19937_64(seed)](std::span<std::uint8_t> out) mutable {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine() >> 32);
  };
}

inline ZoneTime zone(const std::string& name) {
  auto loaded = ZoneTime::load(name);
  if (!loaded) std::abort();
  return *loaded;
}

inline WallTime at(std::string_view rfc3339) { return parse_rfc3339(rfc3339).value(); }

}  // namespace foyer::campaign::test
