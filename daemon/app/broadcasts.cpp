#include "app/broadcasts.hpp"

namespace foyer::app {

std::uint16_t rolling_minor(ByteView key, const Uuid& uuid, std::uint16_t major, std::uint64_t slot) {
  Bytes message(uuid.bytes.begin(), uuid.bytes.end());
  message.push_back(static_cast<std::uint8_t>(major >> 8));
  message.push_back(static_cast<std::uint8_t>(major));
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<std::uint8_t>(slot >> shift));
  const auto digest = hmac_sha256(key, message);
  return static_cast<std::uint16_t>(digest[0] << 8 | digest[1]);
}

std::uint64_t slot_at(const config::BroadcastBeacon& beacon, WallTime now) {
  return static_cast<std::uint64_t>(unix_ms(now) / 1000 / beacon.rotate.count());
}

namespace {
BeaconId id_in(const config::BroadcastBeacon& beacon, ByteView key, std::uint64_t slot) {
  return {beacon.uuid, beacon.major,
          beacon.minor ? *beacon.minor : rolling_minor(key, beacon.uuid, beacon.major, slot)};
}
}  // namespace

std::vector<ports::Broadcast> broadcasts_at(const std::vector<config::BroadcastBeacon>& beacons, ByteView key,
                                            WallTime now) {
  std::vector<ports::Broadcast> out;
  for (const auto& beacon : beacons)
    out.push_back(
        {id_in(beacon, key, slot_at(beacon, now)), static_cast<std::int8_t>(beacon.measured_power), beacon.adapter});
  return out;
}

std::vector<BeaconId> own_at(const std::vector<config::BroadcastBeacon>& beacons, ByteView key, WallTime now) {
  std::vector<BeaconId> out;
  for (const auto& beacon : beacons) {
    const auto slot = slot_at(beacon, now);
    out.push_back(id_in(beacon, key, slot));
    if (!beacon.minor && slot > 0) out.push_back(id_in(beacon, key, slot - 1));
  }
  return out;
}

}  // namespace foyer::app
