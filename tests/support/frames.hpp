#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include "base/advert.hpp"
#include "beacon/frame.hpp"

/// Frames to bytes, written from the specifications and sharing nothing with the decoder.
namespace foyer::test {

/// What follows the service's UUID, or the company's number.
inline Bytes payload(const beacon::IBeacon& f) {
  const auto value = ibeacon_value(f.id, f.measured_power);
  return {value.begin(), value.end()};
}
inline Bytes payload(const beacon::AltBeacon& f) {
  Bytes out{0xBE, 0xAC};
  out.insert(out.end(), f.id.begin(), f.id.end());
  out.push_back(static_cast<std::uint8_t>(f.measured_power));
  out.push_back(f.reserved);
  return out;
}
inline Bytes payload(const beacon::EddystoneUid& f) {
  Bytes out{0x00, static_cast<std::uint8_t>(f.tx_power)};
  out.insert(out.end(), f.name_space.begin(), f.name_space.end());
  out.insert(out.end(), f.instance.begin(), f.instance.end());
  out.insert(out.end(), 2, 0x00);
  return out;
}

/// The longest code that fits, as encoders do. The text must begin with a scheme the format has.
inline Bytes payload(const beacon::EddystoneUrl& f) {
  constexpr std::array<std::string_view, 4> kSchemes{"http://www.", "https://www.", "http://", "https://"};
  constexpr std::array<std::string_view, 7> kTops{".com", ".org", ".edu", ".net", ".info", ".biz", ".gov"};
  Bytes out{0x10, static_cast<std::uint8_t>(f.tx_power)};
  auto rest = f.url();
  for (std::uint8_t i = 0; i < kSchemes.size(); ++i)
    if (rest.starts_with(kSchemes[i])) {
      out.push_back(i);
      rest.remove_prefix(kSchemes[i].size());
      break;
    }
  while (!rest.empty()) {
    const auto top = std::find_if(kTops.begin(), kTops.end(), [&](auto text) { return rest.starts_with(text); });
    if (top == kTops.end()) {
      out.push_back(static_cast<std::uint8_t>(rest[0]));
      rest.remove_prefix(1);
      continue;
    }
    rest.remove_prefix(top->size());
    const bool slash = rest.starts_with("/");
    if (slash) rest.remove_prefix(1);
    out.push_back(static_cast<std::uint8_t>(top - kTops.begin() + (slash ? 0 : 7)));
  }
  return out;
}
inline void add_big(Bytes& out, std::uint64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(number >> 8 * i));
}
inline Bytes payload(const beacon::EddystoneTlm& f) {
  Bytes out{0x20, 0x00};
  add_big(out, f.battery_mv, 2);
  add_big(out, f.temperature ? static_cast<std::uint16_t>(*f.temperature) : 0x8000u, 2);
  add_big(out, f.adv_count, 4);
  add_big(out, f.uptime_ds, 4);
  return out;
}
inline Bytes payload(const beacon::EddystoneEtlm& f) {
  Bytes out{0x20, 0x01};
  out.insert(out.end(), f.ciphertext.begin(), f.ciphertext.end());
  out.insert(out.end(), f.salt.begin(), f.salt.end());
  out.insert(out.end(), f.check.begin(), f.check.end());
  return out;
}
inline Bytes payload(const beacon::EddystoneEid& f) {
  Bytes out{0x30, static_cast<std::uint8_t>(f.tx_power)};
  out.insert(out.end(), f.eid.begin(), f.eid.end());
  return out;
}

/// Adds the frame as an AD structure; false where it does not fit.
inline bool append(Advert& advert, const beacon::Frame& frame) {
  return std::visit(
      [&](const auto& f) {
        using F = std::decay_t<decltype(f)>;
        if constexpr (std::is_same_v<F, beacon::IBeacon>) {
          return advert.append(0xFF, std::array<std::uint8_t, 2>{0x4C, 0x00}, payload(f));
        } else if constexpr (std::is_same_v<F, beacon::AltBeacon>) {
          const std::array<std::uint8_t, 2> company{static_cast<std::uint8_t>(f.company),
                                                    static_cast<std::uint8_t>(f.company >> 8)};
          return advert.append(0xFF, company, payload(f));
        } else {
          return advert.append(0x16, std::array<std::uint8_t, 2>{0xAA, 0xFE}, payload(f));
        }
      },
      frame);
}

}  // namespace foyer::test
