#include "air.hpp"

#include <array>

namespace foyer::bench {
namespace {

// Assigned Numbers: AD types, Apple's company number, the Eddystone service.
constexpr std::uint8_t kFlags = 0x01, kServices = 0x03, kName = 0x09, kServiceData = 0x16, kManufacturer = 0xff;
constexpr std::array<std::uint8_t, 2> kApple{0x4c, 0x00}, kEddystone{0xaa, 0xfe};
constexpr std::array<std::uint8_t, 1> kGeneralLe{0x06};

Advert blank(std::int8_t rssi, MonoTime at) {
  Advert advert;
  advert.rssi = rssi;
  advert.at = at;
  advert.append(kFlags, kGeneralLe);
  return advert;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> noise(Numbers& numbers) {
  std::array<std::uint8_t, Size> bytes;
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(numbers.next());
  return bytes;
}

void altbeacon(Advert& advert, Numbers& numbers) {
  auto value = noise<24>(numbers);
  value[0] = 0xbe;
  value[1] = 0xac;
  advert.append(kManufacturer, std::array<std::uint8_t, 2>{0x18, 0x01}, value);
}

void eddystone(Advert& advert, Numbers& numbers) {
  advert.append(kServices, kEddystone);
  switch (numbers.below(4)) {
    case 0: {
      auto uid = noise<20>(numbers);
      uid[0] = 0x00;
      advert.append(kServiceData, kEddystone, uid);
      break;
    }
    case 1:
      advert.append(kServiceData, kEddystone,
                    std::array<std::uint8_t, 9>{0x10, 0xee, 0x03, 'f', 'o', 'y', 'e', 'r', 0x07});
      break;
    case 2:
      advert.append(kServiceData, kEddystone,
                    std::array<std::uint8_t, 14>{0x20, 0x00, 0x0b, 0xb8, 0x19, 0x80, 0, 0, 1, 0, 0, 2, 0, 0});
      break;
    default: {
      auto eid = noise<10>(numbers);
      eid[0] = 0x30;
      advert.append(kServiceData, kEddystone, eid);
    }
  }
}

void no_beacon(Advert& advert, Numbers& numbers) {
  auto nearby = noise<7>(numbers);  // Apple's continuity messages: another type than iBeacon's 02
  nearby[0] = 0x10;
  nearby[1] = 0x05;
  advert.append(kManufacturer, kApple, nearby);
  if (numbers.below(2) == 0) advert.append(kName, noise<12>(numbers));
}

void malformed(Advert& advert) {
  advert.bytes[advert.size++] = 0x1f;  // a length that runs past the end
  advert.bytes[advert.size++] = kManufacturer;
}

}  // namespace

BeaconId identifier(std::uint64_t number) {
  Numbers numbers(number);
  BeaconId id;
  for (auto& byte : id.uuid.bytes) byte = static_cast<std::uint8_t>(numbers.next());
  id.major = static_cast<std::uint16_t>(number >> 16);
  id.minor = static_cast<std::uint16_t>(number);
  return id;
}

Advert ibeacon_advert(const BeaconId& id, std::int8_t rssi, MonoTime at) {
  Advert advert = blank(rssi, at);
  advert.append(kManufacturer, kApple, ibeacon_value(id, -59));
  return advert;
}

std::vector<Advert> street(std::size_t count) {
  Numbers numbers(1);
  std::vector<Advert> adverts;
  for (std::size_t i = 0; i < count; ++i) {
    const auto kind = numbers.below(100);
    Advert advert = kind < 30 ? ibeacon_advert(identifier(numbers.below(1000)), -70, {}) : blank(-70, {});
    if (kind >= 30 && kind < 35) altbeacon(advert, numbers);
    if (kind >= 35 && kind < 50) eddystone(advert, numbers);
    if (kind >= 50 && kind < 98) no_beacon(advert, numbers);
    if (kind >= 98) malformed(advert);
    adverts.push_back(advert);
  }
  return adverts;
}

}  // namespace foyer::bench
