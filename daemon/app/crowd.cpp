#include "app/crowd.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace foyer::app {
namespace {

template <std::size_t N>
double estimate(const std::array<std::uint8_t, N>& registers) {
  constexpr double kSize = N, kAlpha = 0.7213 / (1 + 1.079 / kSize);
  double sum = 0, empty = 0;
  for (const auto rank : registers) {
    sum += std::ldexp(1.0, -rank);
    empty += rank == 0;
  }
  const double raw = kAlpha * kSize * kSize / sum;
  return raw <= 2.5 * kSize && empty > 0 ? kSize * std::log(kSize / empty) : raw;
}

}  // namespace

void Crowd::configure(const std::vector<std::string>& zones, std::uint32_t k) {
  k_ = k;
  wanted_ = zones;
  for (const auto& zone : zones) zones_.try_emplace(zone, Sketch{});
}

void Crowd::add(const std::string& zone, const beacon::Identifier& id) {
  const auto sketch = zones_.find(zone);
  if (sketch == zones_.end()) return;
  Bytes message(id.bytes.begin(), id.bytes.end());
  message.push_back(static_cast<std::uint8_t>(id.format));
  const auto digest = hmac_sha256(key_, message);
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash = hash << 8 | digest[i];
  auto& rank = sketch->second[hash % sketch->second.size()];
  const int zeros = std::countl_zero(hash | 1);  // the low bits chose the register: at most 53 of the others count
  rank = std::max(rank, static_cast<std::uint8_t>(zeros + 1));
}

std::vector<Crowd::Hour> Crowd::roll(WallTime now) {
  const auto hour = std::chrono::floor<std::chrono::hours>(now);
  if (hour == hour_) return {};
  std::vector<Hour> ended;
  if (hour_ != WallTime{})
    for (const auto& [zone, sketch] : zones_) {
      const auto shoppers = static_cast<std::uint32_t>(std::lround(estimate(sketch)));
      ended.push_back({zone, hour_, shoppers >= k_ && shoppers > 0 ? std::optional{shoppers} : std::nullopt});
    }
  past_.insert(past_.end(), ended.begin(), ended.end());
  while (past_.size() > kMostPast) past_.pop_front();
  random_(key_);
  hour_ = hour;
  zones_.clear();
  configure(wanted_, k_);
  return ended;
}

}  // namespace foyer::app
