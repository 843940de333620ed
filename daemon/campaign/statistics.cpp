#include "campaign/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace foyer::campaign {

namespace {
constexpr double kZ = 1.959963984540054;  // the normal distribution's 97.5 %
}

Share share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return {};
  const auto n = static_cast<double>(whole);
  const double p = static_cast<double>(part) / n, z2 = kZ * kZ;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {p, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

std::optional<Share> lift(std::uint64_t treated_part, std::uint64_t treated, std::uint64_t held_part,
                          std::uint64_t held) {
  if (treated == 0 || held == 0) return std::nullopt;
  const auto a = share(treated_part, treated), b = share(held_part, held);
  const double difference = a.value - b.value;
  return Share{difference, difference - std::hypot(a.value - a.low, b.high - b.value),
               difference + std::hypot(a.high - a.value, b.value - b.low)};
}

Shown suppress(const std::vector<std::uint64_t>& people, std::uint64_t k) {
  Shown shown;
  std::uint64_t sum = 0;
  std::size_t hidden = 0;
  for (const auto n : people) {
    sum += n;
    const bool secret = n > 0 && n < k;
    hidden += secret ? 1 : 0;
    shown.parts.push_back(secret ? std::nullopt : std::optional{n});
  }
  if (sum == 0 || sum >= k) shown.sum = sum;
  if (hidden != 1 || people.size() == 1) {
    if (hidden == 1) shown.sum.reset();
    return shown;
  }
  std::optional<std::size_t> smallest;
  for (std::size_t i = 0; i < people.size(); ++i)
    if (shown.parts[i] && people[i] > 0 && (!smallest || people[i] < people[*smallest])) smallest = i;
  if (smallest)
    shown.parts[*smallest].reset();
  else
    shown.sum.reset();  // it would be the one number that is left out
  return shown;
}

}  // namespace foyer::campaign
