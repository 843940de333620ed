#pragma once

#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "ports/radio.hpp"

namespace foyer::app {

/// The minor of a rolling beacon in one time slot: the first two bytes of HMAC-SHA-256(key, uuid | major | slot), all
/// big-endian, slot = wall seconds / rotate. Whoever reports it within the slot or the next was near the box.
std::uint16_t rolling_minor(ByteView key, const Uuid& uuid, std::uint16_t major, std::uint64_t slot);

/// The time slot of a rolling beacon: wall seconds / rotate.
std::uint64_t slot_at(const config::BroadcastBeacon& beacon, WallTime now);

/// What is to be on the air now.
std::vector<ports::Broadcast> broadcasts_at(const std::vector<config::BroadcastBeacon>& beacons, ByteView key,
                                            WallTime now);

/// Whose adverts are ours: what is on the air now, and for a rolling beacon the slot before, which is still heard late
/// and is known after a restart, too.
std::vector<BeaconId> own_at(const std::vector<config::BroadcastBeacon>& beacons, ByteView key, WallTime now);

}  // namespace foyer::app
