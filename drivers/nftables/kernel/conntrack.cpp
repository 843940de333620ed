#include "drivers/nftables/kernel/conntrack.hpp"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace foyer::drivers::nftables::kernel {
namespace {

struct FlowDeleter {
  void operator()(nf_conntrack* flow) const { nfct_destroy(flow); }
};
using Flow = std::unique_ptr<nf_conntrack, FlowDeleter>;

std::optional<IpAddress> source_of(const nf_conntrack* flow) {
  const bool v6 = nfct_get_attr_u8(flow, ATTR_L3PROTO) == AF_INET6;
  const void* source = nfct_get_attr(flow, v6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC);
  if (source == nullptr) return std::nullopt;
  IpAddress ip{v6 ? IpAddress::Family::v6 : IpAddress::Family::v4, {}};
  std::memcpy(ip.bytes.data(), source, v6 ? 16 : 4);
  return ip;
}

struct Search {
  const std::set<IpAddress>& ips;
  std::uint16_t http_port, https_port;
  std::vector<Flow> found{};

  bool wanted(const nf_conntrack* flow) const {
    const auto source = source_of(flow);
    if (!source || !ips.contains(*source)) return false;
    if (nfct_get_attr_u8(flow, ATTR_L4PROTO) != IPPROTO_TCP) return true;
    if (nfct_getobjopt(flow, NFCT_GOPT_IS_SNAT) != 0) return true;  // it went out by the uplink
    const std::uint16_t port = ntohs(nfct_get_attr_u16(flow, ATTR_REPL_PORT_SRC));
    return port != http_port && (https_port == 0 || port != https_port);
  }
  static int collect(const nlmsghdr* header, void* into) {
    auto& self = *static_cast<Search*>(into);
    Flow flow(nfct_new());
    if (flow && nfct_nlmsg_parse(header, flow.get()) == 0 && self.wanted(flow.get()))
      self.found.push_back(std::move(flow));
    return MNL_CB_OK;
  }
};

nlmsghdr* message(char* buffer, std::uint8_t family, std::uint16_t type, std::uint16_t flags, std::uint32_t sequence) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer);
  header->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8) | type);
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header->nlmsg_seq = sequence;
  auto* extra = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  extra->nfgen_family = family;
  extra->version = NFNETLINK_V0;
  return header;
}

}  // namespace

void Conntrack::Deleter::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Result<Conntrack> Conntrack::open() {
  Conntrack conntrack;
  conntrack.netlink_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (!conntrack.netlink_ || mnl_socket_bind(conntrack.netlink_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return fail(Code::fatal, "conntrack netlink: {}", std::strerror(errno));
  return conntrack;
}

Result<void> Conntrack::forget_flows(const std::set<IpAddress>& ips, std::uint16_t http_port,
                                     std::uint16_t https_port) {
  alignas(nlmsghdr) std::array<char, 16384> buffer{};
  const nlmsghdr* ask = message(buffer.data(), AF_UNSPEC, IPCTNL_MSG_CT_GET, NLM_F_DUMP, ++sequence_);
  if (mnl_socket_sendto(netlink_.get(), ask, ask->nlmsg_len) < 0)
    return fail(Code::retry, "conntrack netlink: {}", std::strerror(errno));
  Search search{ips, http_port, https_port};
  for (int state = MNL_CB_OK; state > MNL_CB_STOP;) {
    const ssize_t got = mnl_socket_recvfrom(netlink_.get(), buffer.data(), buffer.size());
    if (got < 0) return fail(Code::retry, "conntrack netlink: {}", std::strerror(errno));
    state = mnl_cb_run(buffer.data(), static_cast<std::size_t>(got), sequence_, mnl_socket_get_portid(netlink_.get()),
                       Search::collect, &search);
    if (state < 0 && errno != ESRCH) return fail(Code::retry, "conntrack dump: {}", std::strerror(errno));
  }
  for (const auto& flow : search.found) {  // one that ended meanwhile is as good
    const std::uint8_t family = nfct_get_attr_u8(flow.get(), ATTR_L3PROTO);
    nlmsghdr* drop = message(buffer.data(), family, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, ++sequence_);
    nfct_nlmsg_build(drop, flow.get());
    if (mnl_socket_sendto(netlink_.get(), drop, drop->nlmsg_len) < 0 ||
        mnl_socket_recvfrom(netlink_.get(), buffer.data(), buffer.size()) < 0)
      return fail(Code::retry, "conntrack netlink: {}", std::strerror(errno));
  }
  return {};
}

}  // namespace foyer::drivers::nftables::kernel
