#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/net.hpp"
#include "base/result.hpp"

namespace foyer::drivers::httplib {

/// An owned file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  int release();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A listening socket, non-blocking.
struct Listening {
  Fd fd;
  std::uint16_t port = 0;  ///< 0 for unix
  std::string unix_path;   ///< to be removed by whoever closes it; empty for TCP
};

/// "[::]:8080" (both families), "127.0.0.1:0" or "unix:/path" (mode 0660; a socket file nobody listens on is replaced).
Result<Listening> open_listening(const std::string& address);

/// A connection that was accepted, non-blocking, and its other end: nullopt for unix. IPv4-mapped IPv6 is IPv4.
struct Accepted {
  Fd fd;
  std::optional<IpAddress> peer;
};
/// An empty fd: errno says why.
Accepted accept_from(int listening);

/// Of our own end, likewise.
std::optional<IpAddress> local_of(int fd);

}  // namespace foyer::drivers::httplib
