// vcontroller: virtual Bluetooth controllers that hear each other and made-up beacons, with a chosen RSSI and on-demand
// faults; for the shop in a virtual machine. Needs /dev/vhci (module hci_vhci) and root.
//
// usage: vcontroller SOCKET [N]        N controllers (2); tells systemd when all are plugged
// SOCKET takes lines and answers each with one line:
//   tag NAME addr=C0:… data=HEX [rssi=-60] [jitter=0] [every=100] [type=3] [random=1]   a beacon, or a change to it
//   tag NAME off
//   rssi FROM TO DBM        how loud controller TO hears controller FROM (127: the controller does not know)
//   deaf N on|off|reset     reset: until the next HCI Reset
//   hung|strict N on|off · hwerror N · unplug N · plug N · refuse N OPCODE STATUS COUNT (hex, hex, decimal)
//   state                   JSON
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "air.hpp"

namespace {

struct Client {
  int fd = -1;
  std::string unread;
};

bool fill(sockaddr_un& address, const std::string& path) {
  if (path.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  return true;
}

int listen_on(const std::string& path) {
  sockaddr_un address{};
  if (!fill(address, path)) return -1;
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 8) != 0)
    return -1;
  return fd;
}

// READY=1 by hand: this program links to nothing but the C++ library.
void tell_systemd() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || !fill(address, path)) return;
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  constexpr std::string_view ready = "READY=1";
  if (::sendto(fd, ready.data(), ready.size(), 0, reinterpret_cast<sockaddr*>(&address), length) < 0)
    std::perror("vcontroller: notify");
  ::close(fd);
}

// False when the client is gone.
bool serve(Client& client, vradio::Air& air) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::recv(client.fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  client.unread.append(buffer.data(), static_cast<std::size_t>(got));
  for (std::size_t end; (end = client.unread.find('\n')) != std::string::npos; client.unread.erase(0, end + 1)) {
    const std::string answer = air.control(client.unread.substr(0, end), std::chrono::steady_clock::now()) + "\n";
    if (::send(client.fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return false;
  }
  return client.unread.size() < 65536;
}

int wait_ms(const std::optional<vradio::Time>& next) {
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 60000));
}

void run(vradio::Air& air, int listener) {
  std::vector<Client> clients;
  bool told = false;
  for (;;) {
    const auto next = air.transmit(std::chrono::steady_clock::now());
    std::vector<pollfd> polled{{listener, POLLIN, 0}};
    for (const auto& controller : air.controllers()) polled.push_back({controller->fd(), POLLIN, 0});
    for (const auto& client : clients) polled.push_back({client.fd, POLLIN, 0});
    if (::poll(polled.data(), polled.size(), wait_ms(next)) < 0) continue;

    std::size_t at = 1;
    for (auto& controller : air.controllers()) {
      if (polled[at++].revents != 0) controller->read_commands();
    }
    for (auto& client : clients) {
      if (polled[at++].revents != 0 && !serve(client, air)) {
        ::close(client.fd);
        client.fd = -1;
      }
    }
    std::erase_if(clients, [](const Client& client) { return client.fd < 0; });
    if (polled[0].revents != 0) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) clients.push_back({fd, {}});
    }
    if (!told &&
        std::ranges::all_of(air.controllers(), [](const auto& controller) { return controller->index() >= 0; })) {
      tell_systemd();
      told = true;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: vcontroller SOCKET [N]\n", stderr);
    return 2;
  }
  vradio::Air air(argc > 2 ? static_cast<std::size_t>(std::clamp(std::atoi(argv[2]), 1, 16)) : 2);
  const int listener = listen_on(argv[1]);
  if (listener < 0) {
    std::perror("vcontroller: socket");
    return 1;
  }
  for (auto& controller : air.controllers()) {
    if (!controller->plug()) {
      std::perror("vcontroller: /dev/vhci");
      return 1;
    }
  }
  run(air, listener);
}
