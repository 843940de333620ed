#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include <cerrno>
#include <cstring>

#include "drivers/nftables/kernel/server.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

using Search = std::pair<std::set<IpAddress>, nfct_handle*>;  ///< from where, and what drops them

/// Everything a guest sends out is masqueraded; a connection to the portal is not, whose last answer is still to come.
int drop(nf_conntrack_msg_type, nf_conntrack* flow, void* search) {
  const auto& [ips, writer] = *static_cast<const Search*>(search);
  const bool v6 = nfct_get_attr_u8(flow, ATTR_L3PROTO) == AF_INET6;
  IpAddress source{v6 ? IpAddress::Family::v6 : IpAddress::Family::v4, {}};
  std::memcpy(source.bytes.data(), nfct_get_attr(flow, v6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC), v6 ? 16 : 4);
  if (ips.contains(source) && nfct_getobjopt(flow, NFCT_GOPT_IS_SNAT) != 0)
    static_cast<void>(nfct_query(writer, NFCT_Q_DESTROY, flow));  // one that ended meanwhile is as good
  return NFCT_CB_CONTINUE;
}

}  // namespace

void Conntrack::walk() {
  using Handle = std::unique_ptr<nfct_handle, decltype(&nfct_close)>;
  const Handle reader(nfct_open(CONNTRACK, 0), nfct_close), writer(nfct_open(CONNTRACK, 0), nfct_close);
  while (box_.wait_and_drain(std::chrono::hours{1}) > 0 || !box_.closed()) {
    if (ips_.empty()) continue;
    Search search{std::exchange(ips_, {}), writer.get()};
    const std::uint32_t both = AF_UNSPEC;
    if (!reader || !writer || nfct_callback_register(reader.get(), NFCT_T_ALL, drop, &search) < 0 ||
        nfct_query(reader.get(), NFCT_Q_DUMP, &both) < 0)
      fmt::print(stderr, "<4>conntrack: {}: flows of {} removed stay\n", std::strerror(errno), search.first.size());
  }
}

}  // namespace foyer::drivers::nftables::kernel
