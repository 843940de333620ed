#pragma once

#include <fcntl.h>
#include <linux/if_addr.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "drivers/nftables/nftables.hpp"
#include "paths.hpp"
#include "support/files.hpp"
#include "support/netns.hpp"
#include "support/test_loop.hpp"

namespace foyer::test {

/// foyer-gate in a namespace, started and ended by pid.
class GateProcess {
 public:
  GateProcess(const NetNs& ns, std::string socket, uid_t uid = ::getuid())
      : ns_(ns), socket_(std::move(socket)), uid_(uid) {
    start();
  }
  ~GateProcess() { stop(SIGTERM); }
  GateProcess(const GateProcess&) = delete;
  GateProcess& operator=(const GateProcess&) = delete;

  /// Returns when it listens.
  void start() {
    std::filesystem::remove(socket_);
    pid_ = ns_.spawn({std::string(FOYER_BIN_DIR) + "/foyer-gate", "--socket", socket_, "--uid", std::to_string(uid_)});
    TestLoop loop;
    const auto listens = [this] {
      return std::filesystem::exists(socket_) && (std::filesystem::status(socket_).permissions() &
                                                  std::filesystem::perms::others_write) != std::filesystem::perms::none;
    };
    auto tick = loop.every(std::chrono::milliseconds{5}, [] {});
    if (!loop.run_until(listens)) throw std::runtime_error("foyer-gate does not listen");
  }

  /// Its exit status, or -signal.
  int stop(int signal) {
    if (pid_ <= 0) return 0;
    int status = 0;
    ::kill(pid_, signal);
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  pid_t pid() const { return pid_; }

 private:
  const NetNs& ns_;
  std::string socket_;
  uid_t uid_;
  pid_t pid_ = 0;
};

/// phone, other ─ bridge g0 ─ box ─ u0 ─ inet. Phones reach everything but the box by way of the box; the bridge's
/// ports are isolated as an access point isolates its stations. The internet is 203.0.113.5 and 2001:db8:5::5; behind
/// the uplink lies also the private 192.168.77.1.
struct GateWorld {
  static constexpr const char* kBox = "10.9.255.254";
  static constexpr const char* kBox6 = "fd00:9::fffe";
  static constexpr const char* kInet = "203.0.113.5";
  static constexpr const char* kInet6 = "2001:db8:5::5";
  static constexpr const char* kPrivate = "192.168.77.1";
  static constexpr const char* kPhoneMac = "02:00:00:00:00:01";
  static constexpr const char* kOtherMac = "02:00:00:00:00:02";
  static constexpr std::uint16_t kHttp = 8080, kHttps = 8443;

  GateWorld() {
    check(::chmod(folder.path().c_str(), 0755) == 0, "chmod");  // other users try its socket
    box.run({"ip", "link", "add", "g0", "type", "bridge"});
    box.run({"ip", "addr", "add", "10.9.255.254/16", "dev", "g0"});
    box.run({"ip", "-6", "addr", "add", "fd00:9::fffe/64", "dev", "g0", "nodad"});
    box.run({"ip", "link", "set", "g0", "up"});
    plug(phone, "pp", kPhoneMac, {"10.9.0.1", "10.9.0.2"}, {"fd00:9::1"});
    plug(other, "po", kOtherMac, {"10.9.0.200"}, {"fd00:9::200"});
    box.run({"ip", "link", "add", "u0", "type", "veth", "peer", "name", "i0", "netns",
             "/proc/self/fd/" + std::to_string(inheritable(inet))});
    box.run({"ip", "addr", "add", "198.51.100.1/24", "dev", "u0"});
    box.run({"ip", "-6", "addr", "add", "2001:db8:1::1/64", "dev", "u0", "nodad"});
    box.run({"ip", "link", "set", "u0", "up"});
    for (const auto* address : {"198.51.100.2/24", "203.0.113.5/32", "192.168.77.1/32"})
      inet.run({"ip", "addr", "add", address, "dev", "i0"});
    for (const auto* address : {"2001:db8:1::2/64", "2001:db8:5::5/128"})
      inet.run({"ip", "-6", "addr", "add", address, "dev", "i0", "nodad"});
    inet.run({"ip", "link", "set", "i0", "up"});
    inet.run({"ip", "route", "add", "10.9.0.0/16", "via", "198.51.100.1"});
    box.run({"ip", "route", "add", "default", "via", "198.51.100.2"});
    box.run({"ip", "-6", "route", "add", "default", "via", "2001:db8:1::2"});
    for (const auto* ns : {&phone, &other, &box, &inet}) wait_for_ipv6(*ns);
    gate_process = std::make_unique<GateProcess>(box, socket());
    gate = drivers::nftables::make_gate({socket()}, loop, loop);
  }

  std::string socket() const { return folder / "gate.sock"; }

  static ports::GatePolicy policy() {
    ports::GatePolicy policy;
    policy.interface = "g0";
    policy.uplink = "u0";
    policy.address = *parse_prefix("10.9.255.254/16");
    policy.http_port = kHttp;
    policy.https_port = kHttps;
    return policy;
  }
  static ports::GuestKey key(const std::string& ip, const char* mac = kPhoneMac) {
    return {*parse_mac(mac), *parse_ip(ip)};
  }

  /// More addresses of the phone, 10.9.0.<from> to 10.9.0.<to>.
  void add_phone_addresses(int from, int to) {
    for (int i = from; i <= to; ++i)
      phone.run({"ip", "addr", "add", "10.9.0." + std::to_string(i) + "/32", "dev", "p0"});
  }

  /// A connection from the phone to the internet that both ends hold.
  struct Flow {
    Fd phone, server;
    bool open() const { return phone.get() >= 0 && server.get() >= 0; }
  };
  Flow flow(const Fd& server, const std::string& from, const std::string& to, std::uint16_t port) {
    Attempt attempt = dial(phone, from, to, port);
    if (attempt.error != 0) return {};
    return {std::move(attempt.fd), accept_one(server)};
  }

  TestLoop loop;
  const Folder folder;
  NetNs box, phone, other, inet;
  std::unique_ptr<GateProcess> gate_process;
  std::unique_ptr<ports::Gate> gate;

 private:
  static int inheritable(const NetNs& ns) {
    ::fcntl(ns.get(), F_SETFD, 0);
    return ns.get();
  }

  void plug(const NetNs& ns, const std::string& port, const char* mac, std::vector<std::string> ips,
            std::vector<std::string> ips6) {
    box.run({"ip", "link", "add", port, "type", "veth", "peer", "name", "p0", "address", mac, "netns",
             "/proc/self/fd/" + std::to_string(inheritable(ns))});
    box.run({"ip", "link", "set", port, "master", "g0", "up"});
    box.run({"ip", "link", "set", port, "type", "bridge_slave", "isolated", "on"});
    for (const auto& ip : ips) ns.run({"ip", "addr", "add", ip + "/32", "dev", "p0"});
    for (const auto& ip : ips6) ns.run({"ip", "-6", "addr", "add", ip + "/128", "dev", "p0", "nodad"});
    ns.run({"ip", "link", "set", "p0", "up"});
    ns.run({"ip", "route", "add", kBox, "dev", "p0"});
    ns.run({"ip", "route", "add", "default", "via", kBox});
    ns.run({"ip", "-6", "route", "add", kBox6, "dev", "p0"});
    ns.run({"ip", "-6", "route", "add", "default", "via", kBox6});
  }

  /// Link-local addresses are only good after duplicate address detection.
  void wait_for_ipv6(const NetNs& ns) {
    auto tick = loop.every(std::chrono::milliseconds{20}, [] {});
    const bool good = loop.run_until([&] {
      const InNs in(ns);
      std::ifstream table("/proc/thread-self/net/if_inet6");
      std::string address, index, prefix, scope, flags, device;
      while (table >> address >> index >> prefix >> scope >> flags >> device)
        if ((std::stoul(flags, nullptr, 16) & IFA_F_TENTATIVE) != 0) return false;
      return true;
    });
    check(good, "IPv6 addresses stay tentative");
  }
};

}  // namespace foyer::test
