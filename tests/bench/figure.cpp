#include "figure.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace foyer::bench {

void print(const Figure& figure) {
  const nlohmann::ordered_json line{
      {"name", figure.name}, {"value", figure.value}, {"unit", figure.unit}, {"n", figure.n}, {"note", figure.note}};
  std::puts(line.dump().c_str());
  std::fflush(stdout);
}

double percentile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

}  // namespace foyer::bench
