#pragma once

#include <cstdint>

#include "base/encoding.hpp"
#include "base/net.hpp"

/// What the kernel's Bluetooth monitor channel says (net/bluetooth/hci_mon.h; Core 5.4 Vol 4 Part E 7.7.65.2 and .13).
namespace foyer::drivers::bluez {

struct HciReport {
  std::uint16_t index = 0;  ///< hciN
  MacAddress address;
  std::int8_t rssi = 0;        ///< dBm; 127: not known
  bool scan_response = false;  ///< an answer to our asking, not an advert of its own
  ByteView data;               ///< AD structures; into the frame
};

/// Calls fn(const HciReport&) for every advertising report in one frame of the monitor channel: six bytes of header
/// (opcode, index, length, little-endian), then the HCI event. What was `cut` short has told the reports before the
/// cut.
enum class FrameRead { reports, other, cut };  ///< other: no advertising event
template <class Fn>
FrameRead each_report(ByteView frame, Fn fn);

namespace detail {

inline constexpr std::size_t kMonitorHeader = 6;
inline constexpr std::uint16_t kMonitorEvent = 3;  ///< HCI_MON_EVENT_PKT
inline constexpr std::uint8_t kLeMeta = 0x3E, kReport = 0x02, kExtendedReport = 0x0D;

inline std::uint16_t word(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
}
inline MacAddress address(ByteView bytes, std::size_t at) {
  MacAddress out;
  for (std::size_t i = 0; i < 6; ++i) out.bytes[i] = bytes[at + 5 - i];
  return out;
}

/// type 1, address type 1, address 6, length 1, data, rssi 1. Nothing left: false.
template <class Fn>
bool legacy(ByteView& rest, HciReport& report, Fn& fn) {
  if (rest.size() < 10 || rest.size() < 10U + rest[8]) return false;
  const std::size_t size = rest[8];
  report.scan_response = rest[0] == 0x04;
  report.address = address(rest, 2);
  report.data = rest.subspan(9, size);
  report.rssi = static_cast<std::int8_t>(rest[9 + size]);
  fn(static_cast<const HciReport&>(report));
  rest = rest.subspan(10 + size);
  return true;
}

/// type 2, address type 1, address 6, PHYs 2, set 1, power 1, rssi 1, interval 2, direct address 7, length 1, data.
template <class Fn>
bool extended(ByteView& rest, HciReport& report, Fn& fn) {
  constexpr std::size_t kHead = 24;
  if (rest.size() < kHead || rest.size() < kHead + rest[23]) return false;
  report.scan_response = (rest[0] & 0x08) != 0;
  report.address = address(rest, 3);
  report.rssi = static_cast<std::int8_t>(rest[13]);
  report.data = rest.subspan(kHead, rest[23]);
  fn(static_cast<const HciReport&>(report));
  rest = rest.subspan(kHead + rest[23]);
  return true;
}

}  // namespace detail

template <class Fn>
FrameRead each_report(ByteView frame, Fn fn) {
  using namespace detail;
  if (frame.size() < kMonitorHeader + 4) return FrameRead::cut;
  const auto event = frame.subspan(kMonitorHeader);
  if (word(frame, 0) != kMonitorEvent || event[0] != kLeMeta) return FrameRead::other;
  if (event.size() < 2U + event[1] || event[1] < 2) return FrameRead::cut;
  const auto parameters = event.subspan(2, event[1]);
  if (parameters[0] != kReport && parameters[0] != kExtendedReport) return FrameRead::other;
  HciReport report;
  report.index = word(frame, 2);
  auto rest = parameters.subspan(2);
  for (int left = parameters[1]; left > 0; --left)
    if (!(parameters[0] == kReport ? legacy(rest, report, fn) : extended(rest, report, fn))) return FrameRead::cut;
  return FrameRead::reports;
}

}  // namespace foyer::drivers::bluez
