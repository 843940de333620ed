#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>

#include "base/advert.hpp"
#include "base/net.hpp"
#include "base/time.hpp"

namespace foyer::presence {

/// Notices that one identifier is sent by more than one transmitter at once: a copy. Within a minute, either
///   - kReturns times an earlier address came back after another (a beacon that changes its address never returns to an
///     old one), or
///   - kJumps times one adapter heard it jump by kJump dB within two seconds (it is in two places), or
///   - kAddresses addresses never heard before. No beacon changes it that often: bluetoothd with several broadcasts
///   sends
///     each for two seconds in turn and draws a new address each time, thirty a minute at most.
/// The suspicion ends by itself kSuspicion after the last such minute. Addresses are held as 32-bit hashes.
class Guard {
 public:
  static constexpr unsigned kReturns = 5, kJumps = 8, kAddresses = 60;
  static constexpr int kJump = 30;
  static constexpr std::chrono::seconds kSuspicion{600};

  /// Takes one hearing; an all-zero address is one the radio did not know. True where it becomes suspect by it.
  bool add(const MacAddress& address, std::int8_t rssi, std::uint8_t adapter, MonoTime now) {
    const auto at = seconds(now);
    if (at - minute_ >= 60) {
      minute_ = at;
      returns_ = jumps_ = fresh_ = 0;
    }
    if (address != MacAddress{}) note_address(hash(address), at);
    note_strength(rssi, adapter, now);
    if (returns_ < kReturns && jumps_ < kJumps && fresh_ < kAddresses) return false;
    const bool newly = !suspect(now);
    until_ = at + static_cast<std::uint32_t>(kSuspicion.count());
    return newly;
  }
  bool suspect(MonoTime now) const { return seconds(now) < until_; }

 private:
  struct Sender {
    std::uint32_t address = 0, heard = 0;  ///< hash; second
  };

  static std::uint32_t seconds(MonoTime time) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  }
  /// FNV-1a. Whoever makes two addresses collide only looks like one transmitter, as with one address.
  static std::uint32_t hash(const MacAddress& address) {
    std::uint32_t value = 2166136261u;
    for (const auto byte : address.bytes) value = (value ^ byte) * 16777619u;
    return value;
  }

  void note_address(std::uint32_t address, std::uint32_t at) {
    auto* sender = &senders_[current_];
    if (sender->address != address || sender->heard == 0) {
      const bool first = sender->heard == 0;
      std::uint8_t oldest = 0, found = kNone;
      for (std::uint8_t i = 0; i < senders_.size(); ++i) {
        if (senders_[i].heard < senders_[oldest].heard) oldest = i;
        if (senders_[i].heard != 0 && senders_[i].address == address) found = i;
      }
      if (found != kNone)
        ++returns_;
      else if (!first)
        ++fresh_;
      current_ = found == kNone ? oldest : found;
      sender = &senders_[current_];
      sender->address = address;
    }
    sender->heard = at + 1;  // never 0
  }

  void note_strength(std::int8_t rssi, std::uint8_t adapter, MonoTime now) {
    if (rssi == Advert::kNoRssi) return;
    const bool comparable = rssi_ != Advert::kNoRssi && adapter == adapter_ && now - at_ <= std::chrono::seconds{2};
    if (comparable && std::abs(rssi - rssi_) >= kJump) ++jumps_;
    rssi_ = rssi;
    adapter_ = adapter;
    at_ = now;
  }

  static constexpr std::uint8_t kNone = 0xFF;

  std::array<Sender, 4> senders_{};
  MonoTime at_{};
  std::uint32_t minute_ = 0, until_ = 0;
  std::uint16_t returns_ = 0, jumps_ = 0, fresh_ = 0;
  std::uint8_t current_ = 0, adapter_ = 0;
  std::int8_t rssi_ = Advert::kNoRssi;
};

}  // namespace foyer::presence
