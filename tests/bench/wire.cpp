#include "wire.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace foyer::bench {
namespace {

constexpr int kPatience = 5;  // seconds

[[noreturn]] void fail(std::string_view doing) {
  throw std::runtime_error(fmt::format("{}: {}", doing, std::strerror(errno)));
}

void prepare(int fd, const Phone& phone) {
  const timeval patience{kPatience, 0};
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  // The port is chosen when the other end is known, so that it is not used up by addresses (ip(7)).
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const auto& name = phone.interface;
  if (!name.empty() &&
      ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(), static_cast<socklen_t>(name.size())) != 0)
    fail("bind to " + name);
  const auto from = address(phone.ip, 0);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail("bind to " + phone.ip);
}

std::size_t body_length(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const auto at = head.find(kName);
  std::size_t length = 0;
  if (at != std::string_view::npos) std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  return length;
}

}  // namespace

sockaddr_in address(const std::string& ip, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  if (::inet_pton(AF_INET, ip.c_str(), &at.sin_addr) != 1) throw std::runtime_error("not an address: " + ip);
  return at;
}

int phone_socket(const Phone& phone, int type, int protocol) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) fail("a phone's socket");
  prepare(fd, phone);
  return fd;
}

Wire::Wire(const Phone& phone, const std::string& to, std::uint16_t port)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) fail("socket");
  try {
    prepare(fd_, phone);
    const auto there = address(to, port);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0)
      fail(fmt::format("{} to {}:{}", phone.ip, to, port));
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

Wire::~Wire() { ::close(fd_); }

bool Wire::read_more() {
  char buffer[8192];
  const auto count = ::recv(fd_, buffer, sizeof buffer, 0);
  if (count < 0) fail("answer");
  got_.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

Answer Wire::ask(std::string_view request) {
  if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) fail("send");
  std::size_t end;
  while ((end = got_.find("\r\n\r\n")) == std::string::npos)
    if (!read_more()) throw std::runtime_error("closed without an answer");
  Answer answer;
  answer.head = got_.substr(0, end + 2);
  const auto whole = end + 4 + body_length(answer.head);
  while (got_.size() < whole)
    if (!read_more()) throw std::runtime_error("closed within an answer");
  answer.body = got_.substr(end + 4, whole - end - 4);
  got_.erase(0, whole);
  constexpr std::size_t kStatusAt = 9;  // "HTTP/1.1 "
  if (answer.head.size() > kStatusAt + 3)
    std::from_chars(answer.head.data() + kStatusAt, answer.head.data() + kStatusAt + 3, answer.status);
  return answer;
}

std::string request(std::string_view method, std::string_view path, std::string_view host, std::string_view kind,
                    std::string_view body) {
  auto text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nAccept-Language: en\r\n", method, path, host);
  if (method == "POST") text += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", kind, body.size());
  return text + "\r\n" + std::string(body);
}

}  // namespace foyer::bench
