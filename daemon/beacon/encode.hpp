#pragma once

#include <array>
#include <cstdint>

#include "base/advert.hpp"
#include "beacon/frame.hpp"

namespace foyer::beacon {

/// The value under company 0x004C, as BlueZ wants it.
inline std::array<std::uint8_t, 23> company_value(const IBeacon& beacon) {
  return ibeacon_value(beacon.id, beacon.measured_power);
}

/// The whole advertising data as a beacon sends it: flags 06 (LE general discoverable, no BR/EDR), then the iBeacon.
std::array<std::uint8_t, 30> advertising_data(const IBeacon& beacon);

}  // namespace foyer::beacon
