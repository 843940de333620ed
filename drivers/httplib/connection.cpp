#include "drivers/httplib/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace foyer::drivers::httplib {

namespace {

/// A single write may wait this long for the phone to take it.
constexpr std::chrono::seconds kWritePatience{2};
/// Bytes gathered before they are sent: a page of ours.
constexpr std::size_t kGather = 16 * 1024;

int milliseconds_until(Deadline until) {
  const auto left = until - std::chrono::steady_clock::now();
  return left <= left.zero() ? 0 : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

}  // namespace

Connection::Connection(int fd, Ssl ssl, std::optional<IpAddress> remote, std::uint16_t local_port)
    : fd_(fd), ssl_(std::move(ssl)), remote_(remote.value_or(IpAddress{})), local_port_(local_port) {
  if (ssl_) SSL_set_fd(ssl_.get(), fd_);
}

bool Connection::wait(short events, Deadline until) const {
  pollfd one{fd_, events, 0};
  for (;;) {
    const int ready = ::poll(&one, 1, milliseconds_until(until));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool Connection::wait_tls(int result, Deadline until) const {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return wait(POLLIN, until);
    case SSL_ERROR_WANT_WRITE: return wait(POLLOUT, until);
    default: return false;
  }
}

bool Connection::handshake(Deadline until) {
  if (!ssl_) return true;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_accept(ssl_.get());
    if (result == 1) return true;
    if (!wait_tls(result, until)) return false;
  }
}

/// The first bytes are there more often than not: one call instead of two.
bool Connection::receive_now() {
  const ssize_t got = ::recv(fd_, ahead_.data(), ahead_.size(), MSG_DONTWAIT);
  if (got <= 0) return false;
  ahead_begin_ = 0;
  ahead_end_ = static_cast<std::size_t>(got);
  return true;
}

bool Connection::wait_for_request(Deadline until) {
  if (ahead_begin_ < ahead_end_) return true;
  if (ssl_ ? SSL_pending(ssl_.get()) > 0 : receive_now()) return true;
  return wait(POLLIN, until);
}

void Connection::allow(std::size_t bytes, Deadline until) {
  allowed_ = bytes;
  deadline_ = until;
  timed_out_ = over_limit_ = wrote_ = false;
}

ssize_t Connection::receive(char* out, std::size_t size) {
  if (!flush()) return -1;  // "100 Continue" goes before what it asks for
  for (;;) {
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_read(ssl_.get(), out, static_cast<int>(size));
      if (result > 0) return result;
      if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return 0;
      if (!wait_tls(result, deadline_)) {
        timed_out_ = milliseconds_until(deadline_) == 0;
        return -1;
      }
    } else {
      const ssize_t result = ::recv(fd_, out, size, 0);
      if (result >= 0) return result;
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
      if (!wait(POLLIN, deadline_)) {
        timed_out_ = true;
        return -1;
      }
    }
  }
}

ssize_t Connection::read(char* out, std::size_t size) {
  if (allowed_ == 0) {
    over_limit_ = true;
    return -1;
  }
  if (ahead_begin_ == ahead_end_) {
    // A client that always has one more byte never waits, so the deadline is looked at here too.
    if (milliseconds_until(deadline_) == 0) {
      timed_out_ = true;
      return -1;
    }
    const ssize_t got = receive(ahead_.data(), ahead_.size());
    if (got <= 0) return got;
    ahead_begin_ = 0;
    ahead_end_ = static_cast<std::size_t>(got);
  }
  const auto count = std::min({size, ahead_end_ - ahead_begin_, allowed_});
  std::copy_n(ahead_.data() + ahead_begin_, count, out);
  ahead_begin_ += count;
  allowed_ -= count;
  return static_cast<ssize_t>(count);
}

bool Connection::read_exactly(std::string& out, std::size_t bytes) {
  out.resize(bytes);
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t got = read(out.data() + done, bytes - done);
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

ssize_t Connection::send_some(const char* data, std::size_t size, Deadline until, int flags) {
  for (;;) {
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_write(ssl_.get(), data, static_cast<int>(std::min<std::size_t>(size, 1 << 20)));
      if (result > 0) return result;
      if (!wait_tls(result, until)) return -1;
    } else {
      const ssize_t result = ::send(fd_, data, size, MSG_NOSIGNAL | flags);
      if (result >= 0) return result;
      if (errno == EINTR) continue;
      if ((errno != EAGAIN && errno != EWOULDBLOCK) || !wait(POLLOUT, until)) return -1;
    }
  }
}

/// httplib writes head and body apart; together they are one packet, and one call.
ssize_t Connection::write(const char* data, std::size_t size) {
  gathered_.append(data, size);
  if (gathered_.size() >= kGather && !flush()) return -1;
  return static_cast<ssize_t>(size);
}

bool Connection::flush(Then then) {
  const auto until = std::min(deadline_, std::chrono::steady_clock::now() + kWritePatience);
  const int flags = then == Then::close ? MSG_MORE : 0;
  for (std::size_t done = 0; done < gathered_.size();) {
    wrote_ = true;
    const ssize_t sent = send_some(gathered_.data() + done, gathered_.size() - done, until, flags);
    if (sent < 0) {
      timed_out_ = timed_out_ || milliseconds_until(until) == 0;
      gathered_.clear();
      return false;
    }
    done += static_cast<std::size_t>(sent);
  }
  gathered_.clear();
  return true;
}

bool Connection::gone() const {
  pollfd one{fd_, POLLRDHUP, 0};
  return ::poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Connection::finish(Deadline linger) {
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  if (milliseconds_until(linger) == 0) return;  // closing says as much
  ::shutdown(fd_, SHUT_WR);
  while (milliseconds_until(linger) > 0 && wait(POLLIN, linger))
    if (::recv(fd_, ahead_.data(), ahead_.size(), 0) <= 0) break;
}

bool Connection::is_readable() const { return ahead_begin_ < ahead_end_ || wait(POLLIN, deadline_); }

bool Connection::is_writable() const {
  return wait(POLLOUT, std::chrono::steady_clock::now() + kWritePatience) && !gone();
}

IpAddress Connection::local() const {
  if (remote_.family != IpAddress::Family::v6) return {};
  return local_of(fd_).value_or(IpAddress{});
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = to_string(remote_);
  port = 0;
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = local_port_;
}

}  // namespace foyer::drivers::httplib
