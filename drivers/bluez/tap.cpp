#include "drivers/bluez/tap.hpp"

#include <linux/sock_diag.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace foyer::drivers::bluez {
namespace {

constexpr int kBatches = 16;  ///< in one turn of the loop; the rest waits, so that others run

/// SO_TIMESTAMPNS: the wall time at which the kernel had the packet; none: nothing.
std::optional<std::chrono::nanoseconds> stamp(msghdr& header) {
  for (auto* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec time{};
    std::memcpy(&time, CMSG_DATA(control), sizeof time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
  }
  return {};
}

}  // namespace

void Tap::open(int fd, OnReport on_report, OnEnd on_end) {
  close();
  fd_ = fd;
  on_report_ = std::move(on_report);
  on_end_ = std::move(on_end);
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);  // without it, the time of reading does
  watch();
}

void Tap::close() {
  watch_.reset();
  gather_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::uint64_t Tap::dropped() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> values{};
  socklen_t size = sizeof values;
  if (fd_ < 0 || ::getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, values.data(), &size) < 0) return 0;
  return values[SK_MEMINFO_DROPS];
}

void Tap::watch() {
  watch_ = poller_.watch(fd_, POLLIN, [this](std::uint32_t) {
    gather_ = timers_.after(pace_.gather, [this] { read(); });
    watch_.reset();
  });
}

void Tap::read() {
  mono_ = clock_.mono();
  wall_ = clock_.wall();
  for (int i = 0; i < kBatches && fd_ >= 0; ++i) {
    if (!read_batch()) break;
  }
  if (fd_ >= 0) watch();
}

/// False: nothing more to read for now.
bool Tap::read_batch() {
  for (std::size_t i = 0; i < kBatch; ++i) {
    slots_[i].part = {slots_[i].bytes.data(), slots_[i].bytes.size()};
    auto& header = headers_[i].msg_hdr;
    header = {};
    header.msg_iov = &slots_[i].part;
    header.msg_iovlen = 1;
    header.msg_control = slots_[i].control.data();
    header.msg_controllen = slots_[i].control.size();
  }
  const int got = ::recvmmsg(fd_, headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0 || headers_[0].msg_len == 0) {
    close();
    if (on_end_) on_end_();
    return false;
  }
  for (int i = 0; i < got && fd_ >= 0; ++i)
    take(static_cast<std::size_t>(i), headers_[static_cast<std::size_t>(i)].msg_len);
  return got == static_cast<int>(kBatch);
}

void Tap::take(std::size_t index, std::size_t size) {
  auto at = mono_;
  if (const auto wall = stamp(headers_[index].msg_hdr)) {
    // How long ago, on the wall's clock; a clock that was set meanwhile makes it now.
    const auto age = wall_.time_since_epoch() - *wall;
    if (age > std::chrono::nanoseconds{0} && age < std::chrono::seconds{60})
      at -= std::chrono::duration_cast<MonoTime::duration>(age);
  }
  const auto read = each_report({slots_[index].bytes.data(), std::min(size, kLargest)}, [&](const HciReport& report) {
    if (fd_ >= 0) on_report_(report, at);
  });
  if (read == FrameRead::cut) ++cut_;
}

}  // namespace foyer::drivers::bluez
