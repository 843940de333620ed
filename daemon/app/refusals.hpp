#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "campaign/reason.hpp"

namespace foyer::app {

/// How often what was refused for which reason. Any thread.
class Refusals {
 public:
  static constexpr std::array<std::string_view, 4> kWhat{"draw", "offer", "admission", "till"};

  void count(std::string_view what, campaign::Reason reason) {
    for (std::size_t i = 0; i < kWhat.size(); ++i)
      if (kWhat[i] == what) ++counts_[i][static_cast<std::size_t>(reason)];
  }

  /// What, reason, how often: those that happened.
  std::vector<std::tuple<std::string, std::string, std::uint64_t>> all() const {
    std::vector<std::tuple<std::string, std::string, std::uint64_t>> all;
    for (std::size_t i = 0; i < kWhat.size(); ++i)
      for (std::size_t reason = 0; reason < kReasons; ++reason)
        if (const auto n = counts_[i][reason].load(); n > 0)
          all.emplace_back(kWhat[i], campaign::to_string(static_cast<campaign::Reason>(reason)), n);
    return all;
  }

 private:
  static constexpr auto kReasons = static_cast<std::size_t>(campaign::Reason::overloaded) + 1;
  std::array<std::array<std::atomic<std::uint64_t>, kReasons>, kWhat.size()> counts_{};
};

}  // namespace foyer::app
