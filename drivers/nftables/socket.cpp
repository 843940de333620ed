#include "drivers/nftables/socket.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace foyer::drivers::nftables {
namespace {

constexpr int kSendMs = 250;

union Control {
  cmsghdr head;
  char bytes[CMSG_SPACE(sizeof(int))];
};

}  // namespace

Result<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(Code::refuse, "{}: a socket path has 1 to {} bytes", path, sizeof address.sun_path - 1);
  path.copy(address.sun_path, path.size());
  return address;
}

Result<Descriptor> connect_to(const std::string& path) {
  const auto address = socket_address(path);
  if (!address) return fail(address);
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) < 0)
    return fail(Code::retry, "{}: {}", path, std::strerror(errno));
  return socket;
}

bool send_packet(int socket, const void* data, std::size_t size, int descriptor) {
  iovec part{const_cast<void*>(data), size};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.head = {CMSG_LEN(sizeof descriptor), SOL_SOCKET, SCM_RIGHTS};
    std::memcpy(CMSG_DATA(&control.head), &descriptor, sizeof descriptor);
  }
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    pollfd writable{socket, POLLOUT, 0};
    if (errno != EINTR && ((errno != EAGAIN && errno != ENOBUFS) || ::poll(&writable, 1, kSendMs) <= 0)) return false;
  }
}

ssize_t receive_packet(int socket, void* data, std::size_t size, int* descriptor) {
  iovec part{data, size};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  *descriptor = -1;
  if (const auto* head = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr; head != nullptr && head->cmsg_type == SCM_RIGHTS)
    std::memcpy(descriptor, CMSG_DATA(head), sizeof *descriptor);
  return got;
}

}  // namespace foyer::drivers::nftables
