#include "campaign/red_packet.hpp"

#include <algorithm>
#include <utility>

namespace foyer::campaign {

std::vector<std::int64_t> split_red_packets(std::int64_t total_minor, std::uint32_t count, std::int64_t at_least_minor,
                                            const Random& random) {
  if (count == 0 || at_least_minor < 0 || total_minor / count < at_least_minor) return {};
  const std::int64_t above = total_minor - at_least_minor * static_cast<std::int64_t>(count);
  std::vector<std::int64_t> cuts(count - 1);
  for (auto& cut : cuts) cut = static_cast<std::int64_t>(random_below(random, static_cast<std::uint64_t>(above) + 1));
  std::ranges::sort(cuts);
  cuts.push_back(above);
  std::vector<std::int64_t> packets(count);
  std::int64_t from = 0;
  for (std::size_t i = 0; i < packets.size(); ++i)
    packets[i] = at_least_minor + (cuts[i] - std::exchange(from, cuts[i]));
  for (std::size_t i = packets.size(); i > 1; --i) std::swap(packets[i - 1], packets[random_below(random, i)]);
  return packets;
}

}  // namespace foyer::campaign
