#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace foyer {

/// How a guest got in; the `way` of clients and of wifi.admitted.
enum class Way : std::uint8_t { link, code, pair, staff, operator_, pass };

constexpr std::string_view to_string(Way way) {
  switch (way) {
    case Way::link: return "link";
    case Way::code: return "code";
    case Way::pair: return "pair";
    case Way::staff: return "staff";
    case Way::operator_: return "operator";
    case Way::pass: return "pass";
  }
  return "link";
}
std::optional<Way> parse_way(std::string_view name);

/// A guest's time on the Wi-Fi as the ledger records it. No raw address in it: `device` and `pair` are pseudonyms of
/// the MAC and of MAC·IP, so that what the kernel has open can be matched with what is recorded after a restart.
struct Session {
  std::string id;       ///< 32 hex
  std::string subject;  ///< pseudonym of the person's device as events carry it
  std::string device;   ///< pseudonym of the MAC
  std::string pair;     ///< pseudonym of MAC and IPv4
  Way way = Way::link;
  std::string kind;  ///< poster | screen | receipt | staff; empty where no token was used
  std::string zone;  ///< from the token, may be empty
  int evidence = 0;  ///< presence level the way in proves: 1 poster, 2 screen or receipt, 5 staff
  WallTime since{};
  WallTime until{};
  std::uint64_t bytes_up = 0, bytes_down = 0;  ///< as last recorded
};

}  // namespace foyer
