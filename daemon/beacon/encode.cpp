#include "beacon/encode.hpp"

#include <algorithm>

namespace foyer::beacon {

std::array<std::uint8_t, 30> advertising_data(const IBeacon& beacon) {
  std::array<std::uint8_t, 30> data{0x02, 0x01, 0x06, 0x1A, 0xFF, 0x4C, 0x00};
  const auto value = company_value(beacon);
  std::copy(value.begin(), value.end(), data.begin() + 7);
  return data;
}

}  // namespace foyer::beacon
