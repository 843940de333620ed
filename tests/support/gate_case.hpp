#pragma once

#include <gtest/gtest.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "support/gate_world.hpp"

namespace foyer::test {

using namespace std::chrono_literals;

/// foyer-gate between phones and an internet of network namespaces, with rules in force and an echo server out there.
class GateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FOYER_NEEDS_ROOT();
    world_ = std::make_unique<GateWorld>();
    set_up(GateWorld::policy());
    echo_ = listener(world_->inet, GateWorld::kInet, 7);
  }

  void set_up(const ports::GatePolicy& policy) {
    auto done = world_->gate->setup(policy);
    ASSERT_TRUE(done) << done.error().message;
  }
  void admit(const ports::GuestKey& key, std::chrono::seconds ttl = 1h) {
    auto done = world_->gate->admit(key, ttl);
    ASSERT_TRUE(done) << done.error().message;
  }
  void admit(const std::string& ip) { admit(GateWorld::key(ip)); }
  void remove(const std::string& ip) {
    auto done = world_->gate->remove(GateWorld::key(ip));
    ASSERT_TRUE(done) << done.error().message;
  }
  int dial_inet(const std::string& from, std::uint16_t port = 7) {
    return dial(world_->phone, from, GateWorld::kInet, port).error;
  }
  ports::Guest guest(const std::string& ip) {
    const auto state = look();
    EXPECT_TRUE(state);
    if (state)
      for (const auto& each : state->guests)
        if (each.key.ip == *parse_ip(ip)) return each;
    return {};
  }
  Result<ports::GateState> look() {
    std::optional<Result<ports::GateState>> answer;
    world_->gate->look([&](const auto& state) { answer = state; });
    EXPECT_TRUE(world_->loop.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  /// One ICMP echo from the phone; whether it is answered at once.
  bool pings(const std::string& from, const std::string& to) {
    const InNs in(world_->phone);
    Fd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
    const Endpoint here = endpoint(from, 0), there = endpoint(to, 0);
    check(::bind(raw.get(), here.get(), here.size) == 0 && ::connect(raw.get(), there.get(), there.size) == 0, "ping");
    const std::uint8_t echo[8] = {ICMP_ECHO, 0, 0xf7, 0xfd, 0, 1, 0, 1};
    check(::send(raw.get(), echo, sizeof echo, 0) == sizeof echo, "ping");
    std::uint8_t packet[128];
    while (ready(raw, POLLIN, 1000)) {
      const ssize_t got = ::recv(raw.get(), packet, sizeof packet, MSG_DONTWAIT);
      if (got < 0) return false;  // told by ICMP
      if (got >= 28 && packet[20] == ICMP_ECHOREPLY) return true;
      if (got >= 28 && packet[20] == ICMP_DEST_UNREACH) return false;
    }
    ADD_FAILURE() << "neither answered nor refused";
    return false;
  }
  /// The same over IPv6.
  bool pings6(const std::string& from, const std::string& to) {
    const InNs in(world_->phone);
    Fd raw(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
    const Endpoint here = endpoint(from, 0), there = endpoint(to, 0);
    check(::bind(raw.get(), here.get(), here.size) == 0 && ::connect(raw.get(), there.get(), there.size) == 0, "ping");
    const std::uint8_t echo[8] = {ICMP6_ECHO_REQUEST, 0, 0, 0, 0, 1, 0, 1};  // the kernel sums it up
    check(::send(raw.get(), echo, sizeof echo, 0) == sizeof echo, "ping");
    std::uint8_t packet[2048];
    while (ready(raw, POLLIN, 1000)) {
      const ssize_t got = ::recv(raw.get(), packet, sizeof packet, MSG_DONTWAIT);
      if (got < 0) return false;  // told by ICMP
      if (got >= 8 && packet[0] == ICMP6_ECHO_REPLY) return true;
    }
    ADD_FAILURE() << "neither answered nor refused";
    return false;
  }
  /// A datagram there and its error or answer: 0 an answer, else errno; -1 nothing.
  int datagram(const std::string& to, std::uint16_t port, const Fd& server) {
    const bool v6 = to.find(':') != std::string::npos;
    Fd fd = bound(world_->phone, SOCK_DGRAM, v6 ? "fd00:9::1" : "10.9.0.1", 0);
    const Endpoint target = endpoint(to, port);
    check(::connect(fd.get(), target.get(), target.size) == 0 && ::send(fd.get(), "q", 1, 0) == 1, "datagram");
    pollfd both[2] = {{server.get(), POLLIN, 0}, {fd.get(), POLLIN, 0}};
    if (::poll(both, 2, kSoonMs) <= 0) return -1;
    char byte = 0;
    if (both[0].revents == 0) return ::recv(fd.get(), &byte, 1, 0) < 0 ? errno : 0;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    check(::recvfrom(server.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size) == 1, "question");
    ::sendto(server.get(), "a", 1, 0, reinterpret_cast<sockaddr*>(&from), size);
    return ready(fd, POLLIN) && ::recv(fd.get(), &byte, 1, 0) == 1 ? 0 : -1;
  }

  std::unique_ptr<GateWorld> world_;
  Fd echo_;
};

}  // namespace foyer::test
