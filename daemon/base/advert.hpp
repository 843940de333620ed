#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/encoding.hpp"
#include "base/net.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"

namespace foyer {

/// One advertising report as a radio heard it. A fixed size, so that passing one on allocates nothing.
struct Advert {
  static constexpr std::size_t kMaxData = 255;  ///< Core 5.4 Vol 4 Part E 7.7.65.13: one extended report
  static constexpr std::int8_t kNoRssi = 127;   ///< Core 5.4 Vol 4 Part E 7.7.65.2: not available

  MacAddress address;                        ///< of the advertiser, often random; personal data: memory only
  std::uint8_t adapter = 0;                  ///< index into RadioStatus::adapters
  std::int8_t rssi = kNoRssi;                ///< dBm
  std::uint8_t size = 0;                     ///< bytes of data in use
  std::array<std::uint8_t, kMaxData> bytes;  ///< AD structures, Core Supplement Part A
  MonoTime at{};                             ///< when it was heard

  ByteView data() const { return {bytes.data(), size}; }

  /// Adds one AD structure whose value is `head` and then `rest`. False, and nothing added, where it does not fit.
  bool append(std::uint8_t type, ByteView head, ByteView rest = {}) {
    const std::size_t length = 1 + head.size() + rest.size();
    if (size + 1 + length > kMaxData) return false;
    auto* out = bytes.data() + size;
    *out++ = static_cast<std::uint8_t>(length);
    *out++ = type;
    std::copy(rest.begin(), rest.end(), std::copy(head.begin(), head.end(), out));
    size = static_cast<std::uint8_t>(size + 1 + length);
    return true;
  }
};

/// What an iBeacon carries under Apple's company number 0x004C (Apple, Proximity Beacon Specification R1): type 02,
/// length 15 (hex), UUID, major and minor big-endian, measured power dBm at 1 m.
inline std::array<std::uint8_t, 23> ibeacon_value(const BeaconId& id, std::int8_t measured_power) {
  std::array<std::uint8_t, 23> value{0x02, 0x15};
  std::copy(id.uuid.bytes.begin(), id.uuid.bytes.end(), value.begin() + 2);
  value[18] = static_cast<std::uint8_t>(id.major >> 8);
  value[19] = static_cast<std::uint8_t>(id.major);
  value[20] = static_cast<std::uint8_t>(id.minor >> 8);
  value[21] = static_cast<std::uint8_t>(id.minor);
  value[22] = static_cast<std::uint8_t>(measured_power);
  return value;
}

}  // namespace foyer
