#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "ports/bluetooth.hpp"
#include "ports/timers.hpp"

namespace foyer::test {

/// A helper whose tap is a socket pair: report() is what the kernel would say.
class FakeBluetooth final : public ports::Bluetooth {
 public:
  explicit FakeBluetooth(ports::Timers& timers) : timers_(timers) {}
  ~FakeBluetooth() override { end_tap(); }

  void open_tap(std::function<void(Result<int>)> done) override {
    ++asked;
    int ends[2] = {-1, -1};
    if (refusal.empty() && ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
      end_tap();
      kernel_ = ends[0];
    }
    const int fd = ends[1];
    calls_.push_back(timers_.after(std::chrono::milliseconds{0}, [this, done = std::move(done), fd] {
      if (fd >= 0) return done(fd);
      done(fail(Code::refuse, "{}", refusal));
    }));
  }
  void reset(std::uint16_t index, std::function<void(Result<void>)> done) override {
    resets.push_back(index);
    calls_.push_back(timers_.after(std::chrono::milliseconds{0}, [this, done = std::move(done)] {
      if (on_reset) on_reset();
      done({});
    }));
  }

  /// One legacy advertising report of hci0.
  void report(const std::string& address, const std::string& data, std::int8_t rssi, std::uint8_t index = 0) const {
    const auto ad = from_hex(data).value();
    const auto from = parse_mac(address).value();
    const auto size = static_cast<std::uint8_t>(ad.size());
    Bytes frame{3, 0, index, 0, 0, 0, 0x3e, static_cast<std::uint8_t>(12 + size), 2, 1, 3, 1};
    frame.insert(frame.end(), from.bytes.rbegin(), from.bytes.rend());
    frame.push_back(size);
    frame.insert(frame.end(), ad.begin(), ad.end());
    frame.push_back(static_cast<std::uint8_t>(rssi));
    say(frame);
  }
  void say(const Bytes& frame) const {
    if (::send(kernel_, frame.data(), frame.size(), MSG_NOSIGNAL) < 0) std::abort();
  }
  void end_tap() {
    if (kernel_ >= 0) ::close(std::exchange(kernel_, -1));
  }

  std::string refusal;  ///< why there is no tap; empty: there is
  std::vector<std::uint16_t> resets;
  std::function<void()> on_reset;
  int asked = 0;

 private:
  ports::Timers& timers_;
  int kernel_ = -1;
  std::vector<ports::TimerHandle> calls_;
};

}  // namespace foyer::test
