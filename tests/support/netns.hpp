#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace foyer::test {

/// Network namespaces need root. Without it tests fail; only on a developer's machine (no CI in the environment) they
/// may be skipped, saying so.
#define FOYER_NEEDS_ROOT()                                                         \
  do {                                                                             \
    if (::geteuid() == 0) break;                                                   \
    if (std::getenv("CI") != nullptr) FAIL() << "network namespaces need root";    \
    GTEST_SKIP() << "network namespaces need root: run this test program as root"; \
  } while (false)

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

inline void check(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// A network namespace of its own; it ends with the last descriptor, socket or process in it. Made by a child, so that
/// the test itself never stays in one.
class NetNs {
 public:
  NetNs() {
    int ready[2], done[2];
    check(::pipe2(ready, O_CLOEXEC) == 0 && ::pipe2(done, O_CLOEXEC) == 0, "pipe");
    const pid_t child = ::fork();
    check(child >= 0, "fork");
    if (child == 0) {
      ::close(done[1]);
      char byte = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      if (::write(ready[1], &byte, 1) == 1 && ::read(done[0], &byte, 1) >= 0) ::_exit(0);
      ::_exit(1);
    }
    char byte = 'n';
    check(::read(ready[0], &byte, 1) == 1 && byte == 'y', "unshare");
    fd_ = Fd(::open(("/proc/" + std::to_string(child) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    for (const int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
    ::waitpid(child, nullptr, 0);
    check(fd_.get() >= 0, "namespace");
    run({"ip", "link", "set", "lo", "up"});
    quicken();
  }

  /// Starts a program in it.
  pid_t spawn(std::vector<std::string> arguments, uid_t uid = 0) const {
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    check(child >= 0, "fork");
    if (child == 0) {
      if (::setns(fd_.get(), CLONE_NEWNET) == 0 && (uid == 0 || ::setresuid(uid, uid, uid) == 0))
        ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    return child;
  }

  /// Runs a program in it to its end; throws when it fails.
  void run(const std::vector<std::string>& arguments) const {
    std::string line;
    for (const auto& argument : arguments) line += argument + " ";
    int status = 0;
    ::waitpid(spawn(arguments), &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("failed: " + line);
  }

  int get() const { return fd_.get(); }

 private:
  /// IPv6 addresses are good at once: nobody else is here to have them.
  void quicken() const;

  Fd fd_;
};

/// The calling thread is in `ns` while this lives; sockets made meanwhile stay there.
class InNs {
 public:
  explicit InNs(const NetNs& ns) : back_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    check(back_.get() >= 0 && ::setns(ns.get(), CLONE_NEWNET) == 0, "setns");
  }
  ~InNs() { check(::setns(back_.get(), CLONE_NEWNET) == 0, "setns back"); }
  InNs(const InNs&) = delete;
  InNs& operator=(const InNs&) = delete;

 private:
  Fd back_;
};

inline void NetNs::quicken() const {
  const InNs in(*this);
  Fd fd(::open("/proc/sys/net/ipv6/conf/default/accept_dad", O_WRONLY | O_CLOEXEC));
  check(::write(fd.get(), "0", 1) == 1, "accept_dad");
}

inline constexpr int kSoonMs = 3000;  ///< a deadline, not a wait

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline Endpoint endpoint(const std::string& ip, std::uint16_t port) {
  Endpoint to;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
  if (::inet_pton(AF_INET, ip.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    to.size = sizeof *v4;
  } else {
    check(::inet_pton(AF_INET6, ip.c_str(), &v6->sin6_addr) == 1, "address " + ip);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    to.size = sizeof *v6;
  }
  return to;
}

inline bool ready(const Fd& fd, short events, int ms = kSoonMs) {
  pollfd one{fd.get(), events, 0};
  return ::poll(&one, 1, ms) > 0;
}

/// A socket of `ns`, bound to ip:port. IPv6 ones also where the address is not there yet.
inline Fd bound(const NetNs& ns, int type, const std::string& ip, std::uint16_t port) {
  const InNs in(ns);
  const Endpoint from = endpoint(ip, port);
  Fd fd(::socket(from.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (from.storage.ss_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  check(::bind(fd.get(), from.get(), from.size) == 0, "bind " + ip);
  return fd;
}

inline Fd listener(const NetNs& ns, const std::string& ip, std::uint16_t port) {
  Fd fd = bound(ns, SOCK_STREAM, ip, port);
  check(::listen(fd.get(), 128) == 0, "listen");
  return fd;
}

/// A TCP connection attempt and how it ended: 0, ECONNREFUSED, ETIMEDOUT (nothing came within `ms`) …
struct Attempt {
  Fd fd;
  int error = 0;
};
inline Attempt dial(const NetNs& ns, const std::string& from, const std::string& to, std::uint16_t port,
                    int ms = kSoonMs, std::uint16_t source_port = 0) {
  Attempt attempt{bound(ns, SOCK_STREAM, from, source_port), 0};
  const Endpoint target = endpoint(to, port);
  if (::connect(attempt.fd.get(), target.get(), target.size) == 0) return attempt;
  attempt.error = errno;
  if (errno != EINPROGRESS) return attempt;
  attempt.error = ETIMEDOUT;
  if (!ready(attempt.fd, POLLOUT, ms)) return attempt;
  socklen_t size = sizeof attempt.error;
  ::getsockopt(attempt.fd.get(), SOL_SOCKET, SO_ERROR, &attempt.error, &size);
  return attempt;
}

inline Fd accept_one(const Fd& listening, int ms = kSoonMs) {
  if (!ready(listening, POLLIN, ms)) return Fd{};
  return Fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

/// Sends `text` and tells whether exactly it comes out at the other end.
inline bool passes(const Fd& from, const Fd& to, const std::string& text = "hello") {
  if (::send(from.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) return false;
  std::string got;
  while (got.size() < text.size() && ready(to, POLLIN)) {
    char buffer[4096];
    const ssize_t n = ::recv(to.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    got.append(buffer, static_cast<std::size_t>(n));
  }
  return got == text;
}

/// The error that ends a connection once something is sent on it; 0 when it holds for `ms`.
inline int error_after_send(const Fd& fd, int ms = kSoonMs) {
  if (::send(fd.get(), "x", 1, MSG_NOSIGNAL) < 0) return errno;
  if (!ready(fd, POLLIN, ms)) return 0;
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, 0) < 0 ? errno : 0;
}

}  // namespace foyer::test
