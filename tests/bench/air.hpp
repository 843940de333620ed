#pragma once

#include <cstdint>
#include <vector>

#include "base/advert.hpp"

/// What is on the air of a shopping street, made up the same on every run.
namespace foyer::bench {

/// splitmix64: the same numbers everywhere.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

BeaconId identifier(std::uint64_t number);

/// Flags and an iBeacon, as a beacon sends them.
Advert ibeacon_advert(const BeaconId& id, std::int8_t rssi, MonoTime at);

/// 30 % iBeacon, 5 % AltBeacon, 15 % Eddystone of four kinds, 48 % phones and things that are no beacons, 2 %
/// malformed.
std::vector<Advert> street(std::size_t count);

}  // namespace foyer::bench
