#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace foyer::bench {

/// One measured number: a line of scripts/bench.
struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::uint64_t n = 0;  ///< how many were measured
  std::string note;
};

using Figures = std::vector<Figure>;

/// One JSON object on a line of standard output, at once.
void print(const Figure& figure);

/// The value below which a share of them lies (nearest rank). Not empty.
double percentile(std::vector<double> values, double share);

// What can be measured in this process alone. Each measures what belongs to one run; the caller picks by name.
Figures decoding();
Figures stepping();
Figures growing();
Figures living(const std::string& folder);
Figures redeeming(const std::string& folder);
Figures matching();
Figures gating(const std::string& socket, const std::string& interface, const std::string& uplink,
               const std::string& address);

}  // namespace foyer::bench
