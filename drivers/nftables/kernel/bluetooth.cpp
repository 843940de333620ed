#include "drivers/nftables/kernel/bluetooth.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/rfkill.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

namespace foyer::drivers::nftables::kernel {
namespace {

// net/bluetooth/hci_sock.h of the kernel; not among its exported headers.
constexpr int kHci = 1;  // BTPROTO_HCI
constexpr std::uint16_t kNoDevice = 0xffff, kRaw = 0, kMonitor = 2;
constexpr unsigned long kUp = _IOW('H', 201, int), kDown = _IOW('H', 202, int);
struct HciAddress {
  sa_family_t family = AF_BLUETOOTH;
  std::uint16_t device = kNoDevice, channel = kRaw;
};
constexpr int kBuffer = 1 << 20;  // some seconds of a crowded place

/// Opcode 3 (an HCI event), event 3E (LE meta), subevent 02 or 0D (advertising reports); nothing else.
std::array<sock_filter, 9> reports_only() {
  return {{BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0300, 0, 6),
           BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x3e, 0, 4),
           BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 1, 0),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0d, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffff),
           BPF_STMT(BPF_RET | BPF_K, 0)}};
}

int open_channel(std::uint16_t channel, int flags) {
  const int fd = ::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | flags, kHci);
  if (fd < 0 || channel == kRaw) return fd;
  auto filter = reports_only();
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  const HciAddress address{AF_BLUETOOTH, kNoDevice, channel};
  const int on = 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
      ::setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) == 0 &&
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);  // a smaller one only loses sooner
    return fd;
  }
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

void unblock_and_reset(int raw, std::uint32_t adapter) {
  rfkill_event unblock{};
  unblock.type = RFKILL_TYPE_BLUETOOTH;
  unblock.op = RFKILL_OP_CHANGE_ALL;
  if (const int fd = ::open("/dev/rfkill", O_WRONLY | O_CLOEXEC); fd >= 0) {
    if (::write(fd, &unblock, RFKILL_EVENT_SIZE_V1) < 0) fmt::print(stderr, "<4>rfkill: {}\n", std::strerror(errno));
    ::close(fd);
  } else if (errno != ENOENT) {
    fmt::print(stderr, "<4>/dev/rfkill: {}\n", std::strerror(errno));
  }
  if (::ioctl(raw, kDown, adapter) < 0 || (::ioctl(raw, kUp, adapter) < 0 && errno != EALREADY))
    fmt::print(stderr, "<4>reset of hci{}: {}\n", adapter, std::strerror(errno));
}

bool send_reply(int peer, wire::Reply& reply, int fd) {
  iovec part{&reply, sizeof reply};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    *CMSG_FIRSTHDR(&message) = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
    std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof fd);
  }
  return ::sendmsg(peer, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

}  // namespace

bool Bluetooth::serve(int peer, const wire::Request& request) {
  const bool tap = request.op == wire::Op::bluetooth_tap;
  if (request.magic != wire::kMagic || request.version != wire::kVersion ||
      (!tap && request.op != wire::Op::bluetooth_reset))
    return false;
  wire::BluetoothRequest asked;
  std::memcpy(static_cast<void*>(&asked), static_cast<const void*>(&request), sizeof asked);
  wire::Reply reply;
  reply.sequence = asked.sequence;
  const int fd = open_channel(tap ? kMonitor : kRaw, tap ? SOCK_NONBLOCK : 0);
  if (fd < 0) {
    const bool forbidden = errno == EPERM || errno == EACCES || errno == EAFNOSUPPORT;
    reply.status = forbidden ? wire::Status::refuse : wire::Status::retry;
    wire::pack_text(reply.text,
                    fmt::format("Bluetooth {}: {}", tap ? "monitor channel" : "socket", std::strerror(errno)));
  } else if (!tap && resetting_->exchange(true)) {
    reply.status = wire::Status::retry;
    wire::pack_text(reply.text, "a reset is under way");
  } else if (!tap) {
    std::thread([raw = ::dup(fd), adapter = asked.adapter, done = resetting_] {
      unblock_and_reset(raw, adapter);
      ::close(raw);
      done->store(false);
    }).detach();
  }
  const bool sent = send_reply(peer, reply, tap ? fd : -1);
  if (fd >= 0) ::close(fd);
  return sent;
}

}  // namespace foyer::drivers::nftables::kernel
