#include "beacon/identifier.hpp"

#include <algorithm>

namespace foyer::beacon {
namespace {

template <std::size_t N>
void copy(const std::array<std::uint8_t, N>& from, Identifier& to, std::size_t at = 0) {
  std::copy(from.begin(), from.end(), to.bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

std::int8_t sane(int power) { return static_cast<std::int8_t>(power < 0 ? std::max(power, -127) : 0); }

}  // namespace

Identifier::Identifier(const BeaconId& id) {
  copy(id.uuid.bytes, *this);
  bytes[16] = static_cast<std::uint8_t>(id.major >> 8);
  bytes[17] = static_cast<std::uint8_t>(id.major);
  bytes[18] = static_cast<std::uint8_t>(id.minor >> 8);
  bytes[19] = static_cast<std::uint8_t>(id.minor);
}

Identifier Identifier::of_eid(std::string_view name) {
  Identifier id;
  id.format = Format::eddystone_eid;
  std::copy_n(name.begin(), std::min(name.size(), id.bytes.size()), id.bytes.begin());
  return id;
}

BeaconId Identifier::beacon_id() const {
  BeaconId id;
  std::copy_n(bytes.begin(), id.uuid.bytes.size(), id.uuid.bytes.begin());
  id.major = static_cast<std::uint16_t>(bytes[16] << 8 | bytes[17]);
  id.minor = static_cast<std::uint16_t>(bytes[18] << 8 | bytes[19]);
  return id;
}

std::string to_string(const Identifier& id) {
  const ByteView all(id.bytes);
  switch (id.format) {
    case Identifier::Format::ibeacon: return to_string(id.beacon_id());
    case Identifier::Format::altbeacon: return to_hex(all);
    case Identifier::Format::eddystone_uid: return to_hex(all.first(10)) + "/" + to_hex(all.subspan(10, 6));
    case Identifier::Format::eddystone_eid: break;
  }
  const auto end = std::find(id.bytes.begin(), id.bytes.end(), 0);
  return "eid/" + std::string(id.bytes.begin(), end);
}

std::string_view to_string(Identifier::Format format) {
  switch (format) {
    case Identifier::Format::ibeacon: return "ibeacon";
    case Identifier::Format::altbeacon: return "altbeacon";
    case Identifier::Format::eddystone_uid: return "eddystone-uid";
    case Identifier::Format::eddystone_eid: break;
  }
  return "eddystone-eid";
}

std::optional<Identifier> identifier_of(const Frame& frame) {
  if (const auto* one = std::get_if<IBeacon>(&frame)) return Identifier(one->id);
  Identifier id;
  if (const auto* one = std::get_if<AltBeacon>(&frame)) {
    id.format = Identifier::Format::altbeacon;
    copy(one->id, id);
    return id;
  }
  if (const auto* one = std::get_if<EddystoneUid>(&frame)) {
    id.format = Identifier::Format::eddystone_uid;
    copy(one->name_space, id);
    copy(one->instance, id, one->name_space.size());
    return id;
  }
  return std::nullopt;
}

std::int8_t measured_power(const Frame& frame) {
  constexpr int kFirstMetre = 41;  // dB from 0 m to 1 m: Eddystone, eddystone-uid, "Tx Power"
  if (const auto* one = std::get_if<IBeacon>(&frame)) return sane(one->measured_power);
  if (const auto* one = std::get_if<AltBeacon>(&frame)) return sane(one->measured_power);
  if (const auto* one = std::get_if<EddystoneUid>(&frame)) return sane(one->tx_power - kFirstMetre);
  if (const auto* one = std::get_if<EddystoneEid>(&frame)) return sane(one->tx_power - kFirstMetre);
  return 0;
}

}  // namespace foyer::beacon
