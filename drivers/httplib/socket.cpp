#include "drivers/httplib/socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace foyer::drivers::httplib {

namespace {

/// Connections the kernel holds for us before accept; more are retried by the phones' own TCP.
constexpr int kBacklog = 511;
/// A connection without its first byte is kept in the kernel for so many seconds (tcp(7)): it has no worker, and a
/// phone that sends its request at once costs a wake-up less.
constexpr int kFirstByte = 3;

template <class T>
sockaddr* generic(T& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

struct HostPort {
  IpAddress ip;
  std::uint16_t port = 0;
};

Result<HostPort> parse(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return fail(Code::refuse, "listen '{}': expected ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH", address);
  auto host = std::string_view(address).substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto ip = parse_ip(host);
  if (!ip) return fail(Code::refuse, "listen '{}': '{}' is not an IP address", address, host);
  HostPort out{*ip, 0};
  const char* const first = address.data() + colon + 1;
  const char* const last = address.data() + address.size();
  const auto [end, error] = std::from_chars(first, last, out.port);
  if (error != std::errc{} || end != last || first == last)
    return fail(Code::refuse, "listen '{}': the port is not a number from 0 to 65535", address);
  return out;
}

bool is_any(const IpAddress& ip) {
  return std::all_of(ip.bytes.begin(), ip.bytes.end(), [](auto byte) { return byte == 0; });
}

Result<std::uint16_t> bind_v4(int fd, const HostPort& at) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(at.port);
  std::memcpy(&in.sin_addr, at.ip.bytes.data(), 4);
  socklen_t size = sizeof in;
  if (::bind(fd, generic(in), size) < 0 || ::getsockname(fd, generic(in), &size) < 0)
    return fail(Code::fatal, "{}", std::strerror(errno));
  return ntohs(in.sin_port);
}

Result<std::uint16_t> bind_v6(int fd, const HostPort& at) {
  const int v6_only = is_any(at.ip) ? 0 : 1;
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(at.port);
  std::memcpy(&in.sin6_addr, at.ip.bytes.data(), 16);
  socklen_t size = sizeof in;
  if (::bind(fd, generic(in), size) < 0 || ::getsockname(fd, generic(in), &size) < 0)
    return fail(Code::fatal, "{}", std::strerror(errno));
  return ntohs(in.sin6_port);
}

Result<Listening> open_tcp(const std::string& address) {
  auto at = parse(address);
  if (!at) return fail(at);
  constexpr int kKind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  bool v6 = at->ip.family == IpAddress::Family::v6;
  Fd fd(::socket(v6 ? AF_INET6 : AF_INET, kKind, 0));
  if (!fd && v6 && errno == EAFNOSUPPORT &&
      is_any(at->ip)) {  // a kernel without IPv6: every IPv4 address is what is left
    v6 = false;
    fd = Fd(::socket(AF_INET, kKind, 0));
  }
  if (!fd) return fail(Code::fatal, "listen {}: socket: {}", address, std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // what is accepted inherits it
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &kFirstByte, sizeof kFirstByte);
  auto port = v6 ? bind_v6(fd.get(), *at) : bind_v4(fd.get(), *at);
  if (!port) return fail(Code::fatal, "listen {}: {}", address, port.error().message);
  if (::listen(fd.get(), kBacklog) < 0) return fail(Code::fatal, "listen {}: {}", address, std::strerror(errno));
  return Listening{std::move(fd), *port, {}};
}

/// A socket file left behind by a process that died is removed; anything else at that path is not ours to touch.
Result<void> clear_stale(const sockaddr_un& at) {
  struct stat info {};
  if (::lstat(at.sun_path, &info) < 0) return {};
  if (!S_ISSOCK(info.st_mode)) return fail(Code::fatal, "{} exists and is not a socket", at.sun_path);
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un copy = at;
  if (probe && ::connect(probe.get(), generic(copy), sizeof copy) == 0)
    return fail(Code::fatal, "{}: another process listens there", at.sun_path);
  if (errno != ECONNREFUSED) return fail(Code::fatal, "{}: {}", at.sun_path, std::strerror(errno));
  if (::unlink(at.sun_path) < 0) return fail(Code::fatal, "remove {}: {}", at.sun_path, std::strerror(errno));
  return {};
}

Result<Listening> open_unix(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof at.sun_path)
    return fail(Code::refuse, "listen unix:{}: a path of 1 to {} characters is allowed", path, sizeof at.sun_path - 1);
  path.copy(at.sun_path, path.size());
  if (auto clear = clear_stale(at); !clear) return fail(clear);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // fchmod before bind: the file never exists with more rights than it keeps (unix(7): bind applies mode & ~umask).
  if (!fd || ::fchmod(fd.get(), 0660) < 0 || ::bind(fd.get(), generic(at), sizeof at) < 0 ||
      ::chmod(at.sun_path, 0660) < 0 || ::listen(fd.get(), kBacklog) < 0)
    return fail(Code::fatal, "listen unix:{}: {}", path, std::strerror(errno));
  return Listening{std::move(fd), 0, path};
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

int Fd::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

Result<Listening> open_listening(const std::string& address) {
  constexpr std::string_view kUnix = "unix:";
  return address.starts_with(kUnix) ? open_unix(address.substr(kUnix.size())) : open_tcp(address);
}

namespace {

std::optional<IpAddress> address_of(sockaddr_storage& end) {
  IpAddress ip;
  if (end.ss_family == AF_INET) {
    std::memcpy(ip.bytes.data(), &reinterpret_cast<sockaddr_in&>(end).sin_addr, 4);
    return ip;
  }
  if (end.ss_family != AF_INET6) return std::nullopt;
  const auto& v6 = reinterpret_cast<sockaddr_in6&>(end).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::memcpy(ip.bytes.data(), v6.s6_addr + 12, 4);
    return ip;
  }
  ip.family = IpAddress::Family::v6;
  std::memcpy(ip.bytes.data(), v6.s6_addr, 16);
  return ip;
}

}  // namespace

Accepted accept_from(int listening) {
  sockaddr_storage end{};
  socklen_t size = sizeof end;
  Fd fd(::accept4(listening, generic(end), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return {};
  return {std::move(fd), address_of(end)};
}

std::optional<IpAddress> local_of(int fd) {
  sockaddr_storage end{};
  socklen_t size = sizeof end;
  if (::getsockname(fd, generic(end), &size) < 0) return std::nullopt;
  return address_of(end);
}

}  // namespace foyer::drivers::httplib
