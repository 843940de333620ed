#pragma once

#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "base/result.hpp"

/// The unix socket between foyerd and foyer-gate, both ends of it: SOCK_SEQPACKET, never blocking. Any thread.
namespace foyer::drivers::nftables {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<sockaddr_un> socket_address(const std::string& path);  ///< Code::refuse: too long, or empty
Result<Descriptor> connect_to(const std::string& path);       ///< Code::retry: nobody listens there

/// Sends one packet, and a descriptor along with it; waits 250 ms at most for room. False: the other end is gone, or
/// does not read.
bool send_packet(int socket, const void* data, std::size_t size, int descriptor = -1);
/// As recv(2) with MSG_TRUNC; the descriptor that came along, or -1.
ssize_t receive_packet(int socket, void* data, std::size_t size, int* descriptor);

}  // namespace foyer::drivers::nftables
