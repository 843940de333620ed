#include "beacon/decode.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace foyer::beacon {
namespace {

constexpr std::uint16_t kApple = 0x004C;
constexpr std::uint16_t kEddystone = 0xFEAA;

std::uint16_t little16(ByteView bytes) { return static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8); }
std::uint16_t big16(ByteView bytes) { return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]); }
std::uint32_t big32(ByteView bytes) { return std::uint32_t{big16(bytes)} << 16 | big16(bytes.subspan(2)); }
std::int8_t power(std::uint8_t byte) { return static_cast<std::int8_t>(byte); }

template <std::size_t N>
void copy(ByteView from, std::array<std::uint8_t, N>& to) {
  std::copy_n(from.begin(), N, to.begin());
}

/// `value` begins behind the company number. Apple chains further types behind the beacon's 23 bytes: not read.
std::optional<Frame> ibeacon(ByteView value) {
  if (value.size() < 23 || value[0] != 0x02 || value[1] != 0x15) return {};
  IBeacon frame;
  copy(value.subspan(2), frame.id.uuid.bytes);
  frame.id.major = big16(value.subspan(18));
  frame.id.minor = big16(value.subspan(20));
  frame.measured_power = power(value[22]);
  return frame;
}

std::optional<Frame> altbeacon(std::uint16_t company, ByteView value) {
  if (value.size() != 24 || value[0] != 0xBE || value[1] != 0xAC) return {};
  AltBeacon frame;
  frame.company = company;
  copy(value.subspan(2), frame.id);
  frame.measured_power = power(value[22]);
  frame.reserved = value[23];
  return frame;
}

std::optional<Frame> manufacturer(ByteView value) {
  if (value.size() < 2) return {};
  const auto company = little16(value);
  if (company == kApple)
    if (auto frame = ibeacon(value.subspan(2))) return frame;
  return altbeacon(company, value.subspan(2));
}

std::optional<Frame> uid(ByteView value) {
  if (value.size() != 18 && value.size() != 20) return {};
  EddystoneUid frame;
  frame.tx_power = power(value[1]);
  copy(value.subspan(2), frame.name_space);
  copy(value.subspan(12), frame.instance);
  return frame;
}

/// Eddystone, eddystone-url: "URL Scheme Prefix" and "Eddystone-URL HTTP URL encoding".
std::optional<Frame> url(ByteView value) {
  static constexpr std::array<std::string_view, 4> kSchemes{"http://www.", "https://www.", "http://", "https://"};
  static constexpr std::array<std::string_view, 14> kEndings{".com/", ".org/", ".edu/", ".net/", ".info/",
                                                             ".biz/", ".gov/", ".com",  ".org",  ".edu",
                                                             ".net",  ".info", ".biz",  ".gov"};
  if (value.size() < 4 || value.size() > 3 + 17 || value[2] >= kSchemes.size()) return {};
  EddystoneUrl frame;
  frame.tx_power = power(value[1]);
  const auto add = [&frame](std::string_view text) {
    std::copy(text.begin(), text.end(), frame.text.begin() + frame.size);
    frame.size = static_cast<std::uint8_t>(frame.size + text.size());
  };
  add(kSchemes[value[2]]);
  for (const auto byte : value.subspan(3)) {
    if (byte < kEndings.size()) {
      add(kEndings[byte]);
    } else if (byte <= 0x20 || byte >= 0x7F) {
      return {};  // reserved for future use
    } else {
      const char letter = static_cast<char>(byte);
      add({&letter, 1});
    }
  }
  return frame;
}

std::optional<Frame> etlm(ByteView value) {
  EddystoneEtlm frame;
  copy(value.subspan(2), frame.ciphertext);
  copy(value.subspan(14), frame.salt);
  copy(value.subspan(16), frame.check);
  return frame;
}

std::optional<Frame> tlm(ByteView value) {
  if (value.size() == 18 && value[1] == 0x01) return etlm(value);
  if (value.size() != 14 || value[1] != 0x00) return {};
  EddystoneTlm frame;
  frame.battery_mv = big16(value.subspan(2));
  if (const auto raw = big16(value.subspan(4)); raw != 0x8000) frame.temperature = static_cast<std::int16_t>(raw);
  frame.adv_count = big32(value.subspan(6));
  frame.uptime_ds = big32(value.subspan(10));
  return frame;
}

std::optional<Frame> eid(ByteView value) {
  if (value.size() != 10) return {};
  EddystoneEid frame;
  frame.tx_power = power(value[1]);
  copy(value.subspan(2), frame.eid);
  return frame;
}

std::optional<Frame> eddystone(ByteView value) {
  if (value.size() < 2) return {};
  switch (value[0]) {
    case 0x00: return uid(value);
    case 0x10: return url(value);
    case 0x20: return tlm(value);
    case 0x30: return eid(value);
    default: return {};
  }
}

}  // namespace

std::optional<Frame> decode(const Structure& structure) {
  if (structure.type == kManufacturerData) return manufacturer(structure.value);
  if (structure.type == kServiceData16 && structure.value.size() >= 2 && little16(structure.value) == kEddystone)
    return eddystone(structure.value.subspan(2));
  return {};
}

}  // namespace foyer::beacon
