#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/advert.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace foyer::ports {

/// A beacon of the shop, as it is to be on the air now.
struct Broadcast {
  BeaconId id;
  std::int8_t measured_power = -59;  ///< dBm at 1 m
  std::string adapter = "auto";      ///< auto | hciN | address
};

/// How far a Broadcast got.
enum class BroadcastState { requested, registered, confirmed };

struct BroadcastStatus {
  Broadcast broadcast;
  BroadcastState state = BroadcastState::requested;
  std::string error;  ///< why it is not registered; empty otherwise
};

struct AdapterStatus {
  std::string name;     ///< hci0
  std::string address;  ///< of our own adapter: not personal
  bool powered = false;
  bool scanning = false;
  std::uint64_t adverts = 0;  ///< heard since start
  double rate = 0;            ///< adverts a second this place is used to; 0: not learned yet
};

/// What is tried for a radio that hears nothing, the mildest first.
enum class Rung { discovery, power, reset, service };
inline constexpr std::size_t kRungs = 4;
inline constexpr std::array<const char*, kRungs> kRungNames{"discovery", "power", "reset", "service"};

/// Why a report was passed over before it was an advert: without data, under rssi_floor, data too long to be an
/// advert's, a frame of the tap cut short, a signal of bluetoothd of another shape.
inline constexpr std::array<const char*, 5> kPassedOver{"empty", "weak", "too_long", "cut", "odd"};

struct RadioStatus {
  bool up = false;     ///< an adapter scans and hears (or scanning is off and the broadcasts are registered)
  std::string mode;    ///< active | passive | off | sim
  std::string source;  ///< of the adverts: dbus | tap | sim; empty: none
  std::string reason;  ///< why not up, or what is not as asked for
  /// The highest rung that was tried in the present trouble, or in the last one; empty: none yet.
  std::optional<Rung> rung;
  std::array<std::uint64_t, kRungs> rungs{};  ///< how often each was tried since start
  std::chrono::milliseconds deaf{0};          ///< all time since start in which it was known to hear nothing
  std::uint64_t coalesced = 0;  ///< reports by D-Bus that a sender's own interval promised and that did not come
  std::uint64_t dropped = 0;    ///< by the tap, because foyerd did not read in time
  std::array<std::uint64_t, kPassedOver.size()> passed_over{};
  std::size_t devices = 0;            ///< whose last words are remembered, of D-Bus
  std::uint64_t devices_evicted = 0;  ///< those that went because there were too many
  std::vector<AdapterStatus> adapters;
  std::vector<BroadcastStatus> broadcasts;
};

/// Where a Radio reports. Called on the core thread, from the loop, never from within start() or stop().
class RadioEvents {
 public:
  virtual ~RadioEvents() = default;
  virtual void on_advert(const Advert& advert) = 0;
  virtual void on_radio_changed(const RadioStatus& status) = 0;  ///< up or down, adapter come or gone, broadcast state
};

/// Hears adverts and broadcasts the shop's beacons. Core thread only; nothing blocks longer than opening a socket.
/// A radio that is lost comes back by itself and says so by on_radio_changed.
class Radio {
 public:
  virtual ~Radio() = default;
  /// Fails only where trying again cannot help (no system bus at all). `events` must outlive the radio.
  virtual Result<void> start(RadioEvents& events) = 0;
  /// Replaces what is on the air. Before or after start().
  virtual void broadcast(std::vector<Broadcast> beacons) = 0;
  virtual RadioStatus status() const = 0;
  /// Takes the beacons off the air and stops scanning. Nothing is reported afterwards.
  virtual void stop() = 0;
};

}  // namespace foyer::ports
