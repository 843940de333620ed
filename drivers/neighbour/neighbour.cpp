#include "drivers/neighbour/neighbour.hpp"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "drivers/netlink.hpp"

namespace foyer::drivers::neighbour {
namespace {

constexpr std::uint16_t kPresent = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
constexpr int kAnswerMs = 200;                 // the kernel answers a dump within microseconds
constexpr std::size_t kMaxNeighbours = 16384;  // a phone can invent IPv6 addresses; new ones are not taken beyond it
constexpr int kReceiveBuffer = 1 << 20;        // events of a whole shop at once; what does not fit costs a new dump

struct SocketDeleter {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, SocketDeleter>;

struct Neighbour {
  MacAddress mac;
  bool present = false;
  bool operator==(const Neighbour&) const = default;
};

/// What one RTM_NEWNEIGH or RTM_DELNEIGH says.
struct Report {
  int interface = 0;
  IpAddress ip;
  std::optional<Neighbour> neighbour;  ///< none: gone, or never answered
};

std::optional<Report> parse(const nlmsghdr* header) {
  if (header->nlmsg_len < mnl_nlmsg_size(sizeof(ndmsg))) return std::nullopt;
  const auto* message = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(header));
  if (message->ndm_family != AF_INET && message->ndm_family != AF_INET6) return std::nullopt;
  Report report;
  report.interface = message->ndm_ifindex;
  const std::size_t size = message->ndm_family == AF_INET ? 4 : 16;
  report.ip.family = size == 4 ? IpAddress::Family::v4 : IpAddress::Family::v6;
  const auto attributes = netlink::attributes(header, sizeof(ndmsg));
  const auto destination = netlink::within(attributes, NDA_DST), address = netlink::within(attributes, NDA_LLADDR);
  const bool has_ip = destination.size() == size;
  if (has_ip) std::ranges::copy(destination, report.ip.bytes.begin());
  std::optional<MacAddress> mac;
  if (address.size() == mac.emplace().bytes.size())
    std::ranges::copy(address, mac->bytes.begin());
  else
    mac.reset();
  if (!has_ip || (message->ndm_state & NUD_NOARP) != 0) return std::nullopt;  // multicast and the like
  if (header->nlmsg_type == RTM_NEWNEIGH && mac)
    report.neighbour = Neighbour{*mac, (message->ndm_state & kPresent) != 0};
  return report;
}

class NeighbourStations final : public ports::Stations {
 public:
  NeighbourStations(Settings settings, ports::Poller& poller) : settings_(std::move(settings)), poller_(poller) {}

  Result<void> start(ports::StationEvents& events) override {
    events_ = &events;
    if (settings_.interface.empty() || settings_.interface.size() >= IFNAMSIZ)
      return fail(Code::refuse, "'{}' is not the name of an interface", settings_.interface);
    events_socket_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
    queries_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
    int size = kReceiveBuffer;
    if (events_socket_)
      ::setsockopt(mnl_socket_get_fd(events_socket_.get()), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    constexpr unsigned kGroups = (1U << (RTNLGRP_NEIGH - 1)) | (1U << (RTNLGRP_LINK - 1));
    if (!events_socket_ || !queries_ || mnl_socket_bind(events_socket_.get(), kGroups, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_bind(queries_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
      return fail(Code::fatal, "rtnetlink: {}", std::strerror(errno));
    watch_ = poller_.watch(mnl_socket_get_fd(events_socket_.get()), POLLIN, [this](std::uint32_t) { on_readable(); });
    index_ = static_cast<int>(::if_nametoindex(settings_.interface.c_str()));
    return dump();
  }

  Result<ports::Station> find(const IpAddress& ip) override {
    if (const auto known = neighbours_.find(ip); known != neighbours_.end()) return station(known->second.mac);
    std::map<IpAddress, Neighbour> fresh;  // the phone's packet may be quicker than its event, which will tell the rest
    if (index_ != 0) {
      if (auto asked = query(&ip, fresh); !asked) return fail(asked);
    }
    const auto found = fresh.find(ip);
    if (found == fresh.end()) return fail(Code::refuse, "no device on {} has this address", settings_.interface);
    ports::Station known = station(found->second.mac);
    known.ips.push_back(ip);
    known.associated = known.associated || found->second.present;
    return known;
  }

  std::vector<ports::Station> all() override {
    std::vector<ports::Station> stations;
    for (const auto& [mac, ips] : addresses_) stations.push_back(station(mac));
    return stations;
  }

  Result<void> deauthenticate(const MacAddress&) override {
    return fail(Code::degrade, "no hostapd control socket: nobody can be thrown off the Wi-Fi");
  }

 private:
  ports::Station station(const MacAddress& mac) const {
    ports::Station station;
    station.mac = mac;
    const auto known = addresses_.find(mac);
    if (known == addresses_.end()) return station;
    for (const auto& ip : known->second) {
      station.ips.push_back(ip);
      station.associated = station.associated || neighbours_.at(ip).present;
    }
    return station;
  }

  void tell(const MacAddress& mac) const { events_->on_station(station(mac)); }

  void apply(const Report& report) {
    const auto known = neighbours_.find(report.ip);
    const auto before = known == neighbours_.end() ? std::nullopt : std::optional(known->second);
    if (before == report.neighbour) return;
    if (!before && neighbours_.size() >= kMaxNeighbours) return;
    if (before) forget(report.ip, before->mac);
    if (report.neighbour) {
      neighbours_.emplace(report.ip, *report.neighbour);
      addresses_[report.neighbour->mac].insert(report.ip);
    }
    if (before && (!report.neighbour || report.neighbour->mac != before->mac)) tell(before->mac);
    if (report.neighbour) tell(report.neighbour->mac);
  }

  void forget(const IpAddress& ip, const MacAddress& mac) {
    neighbours_.erase(ip);
    const auto known = addresses_.find(mac);
    known->second.erase(ip);
    if (known->second.empty()) addresses_.erase(known);
  }

  void on_readable() {
    alignas(nlmsghdr) std::array<char, 32768> buffer;
    for (;;) {
      const ssize_t got = mnl_socket_recvfrom(events_socket_.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == ENOBUFS) {  // events were lost
        static_cast<void>(dump());
        continue;
      }
      if (got <= 0) return;
      int left = static_cast<int>(got);
      for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
        on_message(m);
    }
  }

  void on_message(const nlmsghdr* header) {
    if (header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK) {
      const int index = static_cast<int>(::if_nametoindex(settings_.interface.c_str()));
      if (index == index_) return;
      index_ = index;
      static_cast<void>(dump());
    } else if (const auto report = parse(header); report && report->interface == index_) {
      apply(*report);
    }
  }

  /// Brings the table up to date; what the kernel no longer shows is gone.
  Result<void> dump() {
    std::map<IpAddress, Neighbour> now;
    if (index_ != 0) {
      if (auto read = query(nullptr, now); !read) return read;
    }
    for (const auto& [ip, neighbour] : now) apply({index_, ip, neighbour});
    std::vector<IpAddress> gone;
    for (const auto& [ip, neighbour] : neighbours_)
      if (!now.contains(ip)) gone.push_back(ip);
    for (const auto& ip : gone) apply({index_, ip, std::nullopt});
    return {};
  }

  /// All neighbours of the interface, or the one with this address.
  Result<void> query(const IpAddress* ip, std::map<IpAddress, Neighbour>& out) {
    alignas(nlmsghdr) std::array<char, 32768> buffer{};
    nlmsghdr* ask = mnl_nlmsg_put_header(buffer.data());
    ask->nlmsg_type = RTM_GETNEIGH;
    ask->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | (ip == nullptr ? NLM_F_DUMP : 0));
    ask->nlmsg_seq = ++sequence_;
    auto* message = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(ask, sizeof(ndmsg)));
    if (ip == nullptr) {
      mnl_attr_put_u32(ask, NDA_IFINDEX, static_cast<std::uint32_t>(index_));
    } else {
      const bool v6 = ip->family == IpAddress::Family::v6;
      message->ndm_family = v6 ? AF_INET6 : AF_INET;
      message->ndm_ifindex = index_;
      mnl_attr_put(ask, NDA_DST, v6 ? 16 : 4, ip->bytes.data());
    }
    if (mnl_socket_sendto(queries_.get(), ask, ask->nlmsg_len) < 0)
      return fail(Code::retry, "rtnetlink: {}", std::strerror(errno));
    for (;;) {
      pollfd readable{mnl_socket_get_fd(queries_.get()), POLLIN, 0};
      if (::poll(&readable, 1, kAnswerMs) <= 0) return fail(Code::retry, "rtnetlink: no answer");
      const ssize_t got = mnl_socket_recvfrom(queries_.get(), buffer.data(), buffer.size());
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) return fail(Code::retry, "rtnetlink: {}", std::strerror(errno));
      int left = static_cast<int>(got);
      for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
        if (m->nlmsg_seq != sequence_) continue;
        if (m->nlmsg_type == NLMSG_DONE || (ip != nullptr && m->nlmsg_type == NLMSG_ERROR)) return {};  // not there
        if (m->nlmsg_type == NLMSG_ERROR) return fail(Code::retry, "rtnetlink: the neighbour table was refused");
        const auto report = parse(m);
        if (report && report->interface == index_ && report->neighbour && out.size() < kMaxNeighbours)
          out.insert_or_assign(report->ip, *report->neighbour);
        if (ip != nullptr) return {};
      }
    }
  }

  const Settings settings_;
  ports::Poller& poller_;
  ports::StationEvents* events_ = nullptr;
  Socket events_socket_, queries_;
  std::unique_ptr<ports::Handle> watch_;
  int index_ = 0;
  std::uint32_t sequence_ = 0;
  std::map<IpAddress, Neighbour> neighbours_;
  std::map<MacAddress, std::set<IpAddress>> addresses_;  ///< the same by MAC
};

}  // namespace

std::unique_ptr<ports::Stations> make_stations(Settings settings, ports::Poller& poller) {
  return std::make_unique<NeighbourStations>(std::move(settings), poller);
}

}  // namespace foyer::drivers::neighbour
