// Guests at work: a datagram of each in turn to an echo behind the uplink, and what came of it.
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "phones.hpp"

namespace foyer::bench {
void traffic(const Street& street) {
  constexpr int kEvery = 500;  // datagrams between two lines
  const int ready = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> sockets;
  const auto echo = address(street.internet, street.internet_port);
  for (const auto& phone : street.phones) {
    sockets.push_back(phone_socket(phone, SOCK_DGRAM | SOCK_NONBLOCK));
    ::connect(sockets.back(), reinterpret_cast<const sockaddr*>(&echo), sizeof echo);
    epoll_event event{EPOLLIN, {.fd = sockets.back()}};
    ::epoll_ctl(ready, EPOLL_CTL_ADD, sockets.back(), &event);
  }
  std::uint64_t sent = 0, answered = 0, refused = 0;
  const auto collect = [&](int ms) {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(ready, events.data(), static_cast<int>(events.size()), ms);
    for (int i = 0; i < count; ++i)
      for (char byte = 0;;) {
        const ssize_t got = ::recv(events[static_cast<std::size_t>(i)].data.fd, &byte, 1, 0);
        if (got < 0 && errno == EAGAIN) break;
        ++(got == 1 ? answered : refused);
      }
    return count > 0;
  };
  const auto tell = [&] {
    fmt::print("{{\"sent\":{},\"answered\":{},\"refused\":{}}}\n", sent, answered, refused);
    std::fflush(stdout);
  };
  // Until whoever started it closes its input.
  for (pollfd input{STDIN_FILENO, POLLIN, 0}; ::poll(&input, 1, 0) == 0;) {
    if (::send(sockets[sent++ % sockets.size()], "x", 1, 0) != 1) ++refused;
    while (collect(0)) {
    }
    collect(1);
    if (sent % kEvery == 0) tell();
  }
  while (answered + refused < sent && collect(2000)) {
  }
  tell();
}

void echo(const std::string& at_address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int buffer = 4 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  const auto at = address(at_address, port);  // answers must come from where the question went
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("echo: cannot bind");
  fmt::print("listening\n");
  std::fflush(stdout);
  for (char byte = 0;;) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    if (::recvfrom(fd, &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size) == 1)
      ::sendto(fd, &byte, 1, 0, reinterpret_cast<const sockaddr*>(&from), size);
  }
}

}  // namespace foyer::bench
