#include <fcntl.h>
#include <linux/filter.h>
#include <linux/rfkill.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "drivers/nftables/kernel/server.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

// net/bluetooth/hci_sock.h of the kernel; not among its exported headers.
constexpr int kHci = 1;  // BTPROTO_HCI
constexpr unsigned long kUp = _IOW('H', 201, int), kDown = _IOW('H', 202, int);
struct HciAddress {
  sa_family_t family = AF_BLUETOOTH;
  std::uint16_t device = 0xffff, channel = 2;  // none, monitor
};

/// The monitor channel, open for opcode 3 (an HCI event), event 3E (LE meta), subevent 02 or 0D (advertising reports).
bool listen_to_reports(int fd) {
  std::array<sock_filter, 9> filter{
      {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0300, 0, 6),
       BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x3e, 0, 4),
       BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 1, 0),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0d, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffff),
       BPF_STMT(BPF_RET | BPF_K, 0)}};
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  const HciAddress address;
  const int on = 1, buffer = 1 << 20;  // some seconds of a crowded place; a smaller one only loses sooner
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
         ::setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) == 0 &&
         ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void unblock_and_reset(int raw, std::uint32_t adapter) {
  rfkill_event unblock{};
  unblock.type = RFKILL_TYPE_BLUETOOTH;
  unblock.op = RFKILL_OP_CHANGE_ALL;
  const Descriptor rfkill(::open("/dev/rfkill", O_WRONLY | O_CLOEXEC));
  if ((rfkill.get() < 0 && errno != ENOENT) ||
      (rfkill.get() >= 0 && ::write(rfkill.get(), &unblock, RFKILL_EVENT_SIZE_V1) < 0))
    fmt::print(stderr, "<4>/dev/rfkill: {}\n", std::strerror(errno));
  if (::ioctl(raw, kDown, adapter) < 0 || (::ioctl(raw, kUp, adapter) < 0 && errno != EALREADY))
    fmt::print(stderr, "<4>reset of hci{}: {}\n", adapter, std::strerror(errno));
}

}  // namespace

bool Bluetooth::serve(int peer, const wire::BluetoothRequest& request) {
  const bool tap = request.op == wire::Op::bluetooth_tap;
  if (!tap && request.op != wire::Op::bluetooth_reset) return false;
  Descriptor socket(::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | (tap ? SOCK_NONBLOCK : 0), kHci));
  wire::Reply reply;
  reply.sequence = request.sequence;
  if (socket.get() < 0 || (tap && !listen_to_reports(socket.get()))) {
    const bool forbidden = errno == EPERM || errno == EACCES || errno == EAFNOSUPPORT;
    reply.status = forbidden ? wire::Status::refuse : wire::Status::retry;
    wire::pack_text(reply.text,
                    fmt::format("Bluetooth {}: {}", tap ? "monitor channel" : "socket", std::strerror(errno)));
  } else if (tap) {
    return send_packet(peer, &reply, sizeof reply, socket.get());
  } else if (resetting_->exchange(true)) {
    reply.status = wire::Status::retry;
    wire::pack_text(reply.text, "a reset is under way");
  } else {
    std::thread([raw = std::move(socket), adapter = request.adapter, done = resetting_] {
      unblock_and_reset(raw.get(), adapter);
      done->store(false);
    }).detach();
  }
  return send_packet(peer, &reply, sizeof reply);
}

}  // namespace foyer::drivers::nftables::kernel
