#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.hpp"
#include "drivers/bluez/bluez.hpp"
#include "drivers/bluez/hci.hpp"

namespace foyer::drivers::bluez {

/// Reads the kernel's Bluetooth monitor channel: every report, with the kernel's time, not coalesced. Core thread only.
/// It is read Pace::gather after the first report, so that a busy place wakes us fifty times a second and not five
/// hundred; a report's time is when the kernel had it.
class Tap {
 public:
  using OnReport = std::function<void(const HciReport&, MonoTime at)>;
  using OnEnd = std::function<void()>;

  Tap(ports::Poller& poller, ports::Timers& timers, const ports::Clock& clock, const Pace& pace)
      : poller_(poller), timers_(timers), clock_(clock), pace_(pace) {}
  ~Tap() { close(); }
  Tap(const Tap&) = delete;

  /// Takes `fd` over. `on_report` may close the tap. `on_end`, from the loop: the descriptor is of no use any more.
  void open(int fd, OnReport on_report, OnEnd on_end);
  void close();
  bool is_open() const { return fd_ >= 0; }
  /// Reports the kernel threw away because they were not read in time, since the tap was opened.
  std::uint64_t dropped() const;
  std::uint64_t cut() const { return cut_; }  ///< frames cut short, since the beginning

 private:
  static constexpr std::size_t kBatch = 32;     ///< packets a system call
  static constexpr std::size_t kLargest = 300;  ///< header 6, event 2 + 255; a longer one is no event

  void watch();
  void read();
  bool read_batch();
  void take(std::size_t index, std::size_t size);

  struct Slot {
    std::array<std::uint8_t, kLargest> bytes;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control;
    iovec part;
  };

  ports::Poller& poller_;
  ports::Timers& timers_;
  const ports::Clock& clock_;
  const Pace pace_;
  int fd_ = -1;
  std::uint64_t cut_ = 0;
  OnReport on_report_;
  OnEnd on_end_;
  std::unique_ptr<ports::Handle> watch_;
  ports::TimerHandle gather_;
  std::array<Slot, kBatch> slots_;
  std::array<mmsghdr, kBatch> headers_{};
  MonoTime mono_{};  ///< the two clocks at the beginning of a batch
  WallTime wall_{};
};

}  // namespace foyer::drivers::bluez
