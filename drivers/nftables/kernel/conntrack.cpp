#include "drivers/nftables/kernel/conntrack.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <exception>

namespace foyer::drivers::nftables::kernel {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* one) const {
    static_cast<void>(Free(one));
  }
};
using Handle = std::unique_ptr<nfct_handle, Freed<nfct_close>>;
using Flow = std::unique_ptr<nf_conntrack, Freed<nfct_destroy>>;

struct Search {
  const std::set<IpAddress>& ips;
  std::uint16_t http_port, https_port;
  std::vector<Flow> found{};

  bool wanted(const nf_conntrack* flow) const {
    const bool v6 = nfct_get_attr_u8(flow, ATTR_L3PROTO) == AF_INET6;
    IpAddress source{v6 ? IpAddress::Family::v6 : IpAddress::Family::v4, {}};
    std::memcpy(source.bytes.data(), nfct_get_attr(flow, v6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC), v6 ? 16 : 4);
    if (!ips.contains(source)) return false;
    if (nfct_get_attr_u8(flow, ATTR_L4PROTO) != IPPROTO_TCP) return true;
    if (nfct_getobjopt(flow, NFCT_GOPT_IS_SNAT) != 0) return true;  // it went out by the uplink
    const std::uint16_t port = ntohs(nfct_get_attr_u16(flow, ATTR_REPL_PORT_SRC));
    return port != http_port && (https_port == 0 || port != https_port);
  }
  static int collect(nf_conntrack_msg_type, nf_conntrack* flow, void* into) {
    auto& self = *static_cast<Search*>(into);
    if (self.wanted(flow)) self.found.emplace_back(nfct_clone(flow));
    return NFCT_CB_CONTINUE;
  }
};

void forget_flows(Search search) {
  const Handle reader(nfct_open(CONNTRACK, 0)), writer(nfct_open(CONNTRACK, 0));
  const std::uint32_t both = AF_UNSPEC;
  if (!reader || !writer || nfct_callback_register(reader.get(), NFCT_T_ALL, Search::collect, &search) < 0 ||
      nfct_query(reader.get(), NFCT_Q_DUMP, &both) < 0)
    return fmt::print(stderr, "<4>conntrack: {}: flows of {} removed stay until they end\n", std::strerror(errno),
                      search.ips.size());
  for (const auto& flow : search.found)  // one that ended meanwhile is as good
    static_cast<void>(nfct_query(writer.get(), NFCT_Q_DESTROY, flow.get()));
}

}  // namespace

Conntrack::Conntrack()
    : thread_([this] {
        while (box_.wait_and_drain(std::chrono::hours{1}) > 0 || !box_.closed()) {
          if (!ips_.empty()) forget_flows({ips_, http_port_, https_port_});
          ips_.clear();
        }
      }) {}

Conntrack::~Conntrack() { box_.close(); }

void Conntrack::forget(const IpAddress& ip, std::uint16_t http_port, std::uint16_t https_port) {
  static_cast<void>(box_.try_post([=, this] {
    ips_.insert(ip);
    http_port_ = http_port;
    https_port_ = https_port;
  }));
}

}  // namespace foyer::drivers::nftables::kernel
