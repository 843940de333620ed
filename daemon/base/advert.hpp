#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/encoding.hpp"
#include "base/net.hpp"
#include "base/time.hpp"

namespace foyer {

/// One advertising report as a radio heard it. A fixed size, so that passing one on allocates nothing.
struct Advert {
  static constexpr std::size_t kMaxData = 255;   ///< Core 5.4 Vol 4 Part E 7.7.65.13: one extended report
  static constexpr std::int8_t kNoRssi = 127;    ///< Core 5.4 Vol 4 Part E 7.7.65.2: not available

  MacAddress address;             ///< of the advertiser, often random; personal data: memory only
  std::uint8_t adapter = 0;       ///< index into RadioStatus::adapters
  std::int8_t rssi = kNoRssi;     ///< dBm
  std::uint8_t size = 0;          ///< bytes of data in use
  std::array<std::uint8_t, kMaxData> bytes;  ///< AD structures, Core Supplement Part A
  MonoTime at{};                  ///< when it was heard

  ByteView data() const { return {bytes.data(), size}; }
};

}  // namespace foyer
