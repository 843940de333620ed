// Hostile phones at the portal, all at once, and how long an honest one waits meanwhile.
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include "counting.hpp"
#include "phones.hpp"

namespace foyer::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHonest = 5, kSlowSources = 20, kSlowEach = 10, kFloods = 8, kHalfSources = 250, kHalfEach = 8;
constexpr std::uint16_t kHalfPort = 40'000;  // house.py keeps the phones from resetting connections from here on

/// A connection under way; -1 when it was refused. Never throws: a hostile phone does not mind.
int dial(const Street& street, const Phone& phone) {
  const int fd = phone_socket(phone, SOCK_STREAM | SOCK_NONBLOCK);
  const auto to = address(street.portal, street.port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
    ::close(fd);
    return -1;
  }
  return fd;
}

/// Ten connections of each of twenty sources that say a letter now and then; one that is cut is made anew.
void be_slow(const Street& street, const std::stop_token& stop) {
  std::array<int, kSlowSources * kSlowEach> open;
  open.fill(-1);
  while (!stop.stop_requested()) {
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (open[i] < 0) open[i] = dial(street, street.phones[kHonest + i % kSlowSources]);
      if (open[i] < 0 || ::send(open[i], "G", 1, MSG_NOSIGNAL) == 1 || errno == EAGAIN) continue;
      ::close(open[i]);
      open[i] = -1;
    }
    ::poll(nullptr, 0, 200);
  }
  for (const int fd : open)
    if (fd >= 0) ::close(fd);
}

/// Headers that never end, as fast as they are taken.
void flood(const Street& street, const Phone& phone, std::atomic<std::uint64_t>& sent, const std::stop_token& stop) {
  const std::string block = "X-More: " + std::string(4000, 'x') + "\r\n", start = "GET / HTTP/1.1\r\n";
  while (!stop.stop_requested()) {
    const int fd = dial(street, phone);
    for (pollfd state{fd, POLLOUT, 0}; fd >= 0 && !stop.stop_requested();) {
      if (::poll(&state, 1, 200) < 0 || (state.revents & (POLLERR | POLLHUP)) != 0) break;
      const auto& text = sent == 0 ? start : block;
      const ssize_t got = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (got < 0 && errno != EAGAIN) break;
      if (got > 0) sent += static_cast<std::uint64_t>(got);
    }
    if (fd >= 0) ::close(fd);
    ::poll(nullptr, 0, 20);
  }
}

/// RFC 1071 over the pseudo header and a TCP header without options.
std::uint16_t checksum(const sockaddr_in& from, const sockaddr_in& to, const tcphdr& header) {
  struct {
    in_addr from, to;
    std::uint16_t protocol = htons(IPPROTO_TCP), length = htons(sizeof(tcphdr));
    tcphdr tcp;
  } summed{from.sin_addr, to.sin_addr, htons(IPPROTO_TCP), htons(sizeof(tcphdr)), header};
  std::array<std::uint16_t, sizeof summed / 2> words;
  static_assert(sizeof summed == 32);
  std::copy_n(reinterpret_cast<const std::uint16_t*>(&summed), words.size(), words.begin());
  std::uint32_t sum = 0;
  for (const auto word : words) sum += word;
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// Eight connections of each of 250 sources that are asked for and never completed; again before they are forgotten.
void half_open(const Street& street, const std::stop_token& stop) {
  std::vector<int> sockets;
  const auto first = kHonest + kSlowSources + kFloods;
  for (std::size_t i = 0; i < kHalfSources; ++i)
    sockets.push_back(phone_socket(street.phones[first + i], SOCK_RAW, IPPROTO_TCP));
  const auto to = address(street.portal, street.port);
  for (std::uint32_t round = 0; !stop.stop_requested(); ++round) {
    for (std::size_t i = 0; i < sockets.size(); ++i)
      for (std::size_t k = 0; k < kHalfEach; ++k) {
        tcphdr header{};
        header.source = htons(static_cast<std::uint16_t>(kHalfPort + (round * kHalfEach + k) % 1000));
        header.dest = to.sin_port;
        header.seq = htonl(round + 1);
        header.doff = 5;
        header.syn = 1;
        header.window = htons(64240);
        header.check = checksum(address(street.phones[first + i].ip, 0), to, header);
        ::sendto(sockets[i], &header, sizeof header, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
      }
    for (int i = 0; i < 40 && !stop.stop_requested(); ++i) ::poll(nullptr, 0, 100);
  }
  for (const int fd : sockets) ::close(fd);
}

}  // namespace

Figures fence(const Street& street) {
  constexpr std::size_t kAsked = 300;
  if (street.phones.size() < kHonest + kSlowSources + kFloods + kHalfSources)
    throw std::runtime_error("too few phones");
  std::atomic<std::uint64_t> flooded{0};
  std::vector<std::jthread> hostile;
  hostile.emplace_back([&](const std::stop_token& stop) { be_slow(street, stop); });
  hostile.emplace_back([&](const std::stop_token& stop) { half_open(street, stop); });
  for (std::size_t i = 0; i < kFloods; ++i)
    hostile.emplace_back([&, i](const std::stop_token& stop) {
      flood(street, street.phones[kHonest + kSlowSources + i], flooded, stop);
    });
  while (flooded < 64 * 1024) ::poll(nullptr, 0, 10);  // they are at it
  std::vector<double> ms;
  for (std::size_t i = 0; i < kAsked; ++i) {
    const Watch watch;
    Wire wire(street.phones[i % kHonest], street.internet, 80);
    if (wire.ask(request("GET", "/generate_204", "connectivitycheck.gstatic.com")).status != 302)
      throw std::runtime_error("an honest phone was not answered");
    ms.push_back(watch.seconds() * 1e3);
    ::poll(nullptr, 0, 30);
  }
  return {
      {"fence_honest_p99_ms", percentile(ms, 0.99), "ms", ms.size(),
       fmt::format("a probe of an honest phone, connect to 302, while {} sources hold {} slow connections, {} flood "
                   "endless headers ({} KiB taken) and {} connections are half open; p50 {:.1f}, slowest {:.1f}",
                   kSlowSources, kSlowSources * kSlowEach, kFloods, flooded / 1024, kHalfSources * kHalfEach,
                   percentile(ms, 0.5), percentile(ms, 1))}};
}

}  // namespace foyer::bench
