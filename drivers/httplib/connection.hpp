#pragma once

#include <httplib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/net.hpp"
#include "drivers/httplib/socket.hpp"

namespace foyer::drivers::httplib {

using Deadline = std::chrono::steady_clock::time_point;

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Ssl = std::unique_ptr<SSL, SslFree>;
using SslContext = std::unique_ptr<SSL_CTX, SslFree>;

/// One accepted connection as cpp-httplib's Stream, with what httplib lacks: a deadline over many reads (a client that
/// sends a byte a second ends too) and a bound on what one request may send. Owns the TLS state, not the descriptor,
/// which is non-blocking. One thread at a time.
class Connection final : public ::httplib::Stream {
 public:
  Connection(int fd, Ssl ssl, std::optional<IpAddress> remote, std::uint16_t local_port);

  bool handshake(Deadline until);         ///< TLS only; true at once without
  bool wait_for_request(Deadline until);  ///< something to read, or what was read ahead
  /// The next request may take until `until` and send `bytes`; what comes after both reads as the end.
  void allow(std::size_t bytes, Deadline until);
  void allow_writing(Deadline until) { deadline_ = until; }
  /// What is written is gathered until it is worth a packet; this sends the rest. True: all of it is on its way. What
  /// is the last of a connection that is closed right after waits for the FIN: one packet for both.
  enum class Then { go_on, close };
  bool flush(Then then = Then::go_on);
  bool read_exactly(std::string& out, std::size_t bytes);
  bool gone() const;  ///< the other end has closed
  bool timed_out() const { return timed_out_; }
  bool over_limit() const { return over_limit_; }
  bool wrote() const { return wrote_; }  ///< anything since allow()
  /// TLS close_notify, then no more sending; what the other end still sends is thrown away until it ends or `linger`.
  void finish(Deadline linger);

  const IpAddress& remote() const { return remote_; }
  /// Asked of the kernel for IPv6 alone: every box has one IPv4 address for guests, and configuration names it.
  IpAddress local() const;
  std::uint16_t local_port() const { return local_port_; }
  bool tls() const { return ssl_ != nullptr; }

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* out, std::size_t size) override;
  ssize_t write(const char* data, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  /// httplib uses it only to refuse descriptors that select(2) cannot take; nothing here uses select.
  socket_t socket() const override { return fd_ < FD_SETSIZE ? fd_ : 0; }

 private:
  bool wait(short events, Deadline until) const;
  bool wait_tls(int result, Deadline until) const;
  ssize_t receive(char* out, std::size_t size);
  bool receive_now();
  ssize_t send_some(const char* data, std::size_t size, Deadline until, int flags);

  const int fd_;
  const Ssl ssl_;
  const IpAddress remote_;
  const std::uint16_t local_port_;
  Deadline deadline_{};
  std::size_t allowed_ = 0;
  bool timed_out_ = false, over_limit_ = false, wrote_ = false;
  std::array<char, 4096> ahead_;
  std::size_t ahead_begin_ = 0, ahead_end_ = 0;
  std::string gathered_;
};

}  // namespace foyer::drivers::httplib
