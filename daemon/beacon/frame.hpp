#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/encoding.hpp"
#include "base/uuid.hpp"

/// What beacons say. All values are of fixed size: decoding allocates nothing.
namespace foyer::beacon {

/// Apple, Proximity Beacon Specification R1: AD type 0xFF, company 0x004C, type 02, length 15 (hex), UUID, major and
/// minor big-endian, measured power dBm at 1 m.
struct IBeacon {
  BeaconId id;
  std::int8_t measured_power = 0;
  bool operator==(const IBeacon&) const = default;
};

/// AltBeacon Protocol Specification v1.0, "AltBeacon Protocol Format": AD type 0xFF, any company little-endian, code
/// BE AC, 20 bytes of identifier, reference RSSI dBm at 1 m, one byte of the manufacturer's own.
struct AltBeacon {
  std::uint16_t company = 0;
  std::array<std::uint8_t, 20> id{};
  std::int8_t measured_power = 0;
  std::uint8_t reserved = 0;
  bool operator==(const AltBeacon&) const = default;
};

/// Eddystone Protocol Specification, eddystone-uid: frame 00, power dBm at 0 m, namespace 10, instance 6, RFU 2 (which
/// devices older than the RFU bytes leave out).
struct EddystoneUid {
  std::array<std::uint8_t, 10> name_space{};
  std::array<std::uint8_t, 6> instance{};
  std::int8_t tx_power = 0;
  bool operator==(const EddystoneUid&) const = default;
};

/// Eddystone, eddystone-url: frame 10 (hex), power dBm at 0 m, scheme code, 1 to 17 bytes of text and codes.
struct EddystoneUrl {
  static constexpr std::size_t kMaxUrl = 12 + 17 * 6;  ///< "https://www." and 17 codes for ".info/"
  std::array<char, kMaxUrl> text{};
  std::uint8_t size = 0;
  std::int8_t tx_power = 0;
  std::string_view url() const { return {text.data(), size}; }
  bool operator==(const EddystoneUrl&) const = default;
};

/// Eddystone, eddystone-tlm, "Unencrypted TLM frame specification": frame 20 (hex), version 00; all big-endian.
struct EddystoneTlm {
  std::uint16_t battery_mv = 0;             ///< 0: not supported
  std::optional<std::int16_t> temperature;  ///< °C in 8.8 fixed point; absent: 8000 (hex), not supported
  std::uint32_t adv_count = 0;              ///< since power-on
  std::uint32_t uptime_ds = 0;              ///< tenths of a second since power-on
  bool operator==(const EddystoneTlm&) const = default;
};

/// Eddystone, eddystone-tlm, "Encrypted TLM": frame 20 (hex), version 01; TLM's 12 bytes under AES-EAX with the key of
/// the EID beside it, salt 2, check 2.
struct EddystoneEtlm {
  std::array<std::uint8_t, 12> ciphertext{};
  std::array<std::uint8_t, 2> salt{}, check{};
  bool operator==(const EddystoneEtlm&) const = default;
};

/// Eddystone, eddystone-eid: frame 30 (hex), power dBm at 0 m, ephemeral identifier 8.
struct EddystoneEid {
  std::array<std::uint8_t, 8> eid{};
  std::int8_t tx_power = 0;
  bool operator==(const EddystoneEid&) const = default;
};

using Frame = std::variant<IBeacon, AltBeacon, EddystoneUid, EddystoneUrl, EddystoneTlm, EddystoneEtlm, EddystoneEid>;

}  // namespace foyer::beacon
