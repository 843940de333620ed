#include "drivers/nftables/kernel/netlink.hpp"

#include <libnftnl/batch.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>

#include "drivers/netlink.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

using netlink::attributes, netlink::number, netlink::within;

void put64(nlmsghdr* m, std::uint16_t type, std::uint64_t value) { mnl_attr_put_u64(m, type, htobe64(value)); }
void put32(nlmsghdr* m, std::uint16_t type, std::uint64_t value) {
  mnl_attr_put_u32(m, type, htobe32(static_cast<std::uint32_t>(value)));
}
void nest(nlmsghdr* m, std::uint16_t type, const auto& fill) {
  nlattr* outer = mnl_attr_nest_start(m, type);
  fill();
  mnl_attr_nest_end(m, outer);
}

void put_element(nlmsghdr* m, const Element& element) {
  nest(m, NFTA_SET_ELEM_KEY, [&] { mnl_attr_put(m, NFTA_DATA_VALUE, element.key.size(), element.key.data()); });
  if (element.left.count() > 0) put64(m, NFTA_SET_ELEM_TIMEOUT, static_cast<std::uint64_t>(element.left.count()));
  if (!element.object.empty()) mnl_attr_put_strz(m, NFTA_SET_ELEM_OBJREF, element.object.c_str());
  if (!element.bytes) return;
  nest(m, NFTA_SET_ELEM_EXPR, [&] {
    mnl_attr_put_strz(m, NFTA_EXPR_NAME, "counter");
    nest(m, NFTA_EXPR_DATA, [&] {
      put64(m, NFTA_COUNTER_BYTES, *element.bytes);
      put64(m, NFTA_COUNTER_PACKETS, 0);
    });
  });
}

Element read_element(ByteView from) {
  Element element{within(within(from, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE)};
  element.left = std::chrono::milliseconds(number(within(from, NFTA_SET_ELEM_EXPIRATION)));
  element.bytes = number(within(within(within(from, NFTA_SET_ELEM_EXPR), NFTA_EXPR_DATA), NFTA_COUNTER_BYTES));
  return element;
}

}  // namespace

int Netlink::open() {
  socket_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
  return socket_ && mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : errno;
}

void Netlink::begin(bool transaction) {
  transaction_ = transaction;
  last_ = nullptr;
  size_ = transaction ? nftnl_batch_begin(out_.data(), ++sequence_)->nlmsg_len : 0;
}

nlmsghdr* Netlink::message(int type, int flags) {
  if (last_ != nullptr) size_ += last_->nlmsg_len;
  return last_ = nftnl_nlmsg_build_hdr(&out_[size_], static_cast<std::uint16_t>(type), NFPROTO_INET,
                                       static_cast<std::uint16_t>(flags), ++sequence_);
}

void Netlink::element(int type, int flags, const std::string& set, const Element& element) {
  nlmsghdr* m = message(type, flags);
  mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, "foyer");
  mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, set.c_str());
  if (element.key.empty()) return;
  nest(m, NFTA_SET_ELEM_LIST_ELEMENTS, [&] { nest(m, NFTA_LIST_ELEM, [&] { put_element(m, element); }); });
}

void Netlink::object(int type, const std::string& name, bool quota, std::uint64_t value, std::uint64_t used) {
  constexpr std::uint64_t kLeastBurst = 128 * 1024;  // bytes; the kernel hands on up to 64 KiB as one packet
  const std::uint64_t rate = value / 8;
  nlmsghdr* m = message(type, NLM_F_CREATE);
  mnl_attr_put_strz(m, NFTA_OBJ_TABLE, "foyer");
  mnl_attr_put_strz(m, NFTA_OBJ_NAME, name.c_str());
  put32(m, NFTA_OBJ_TYPE, quota ? NFT_OBJECT_QUOTA : NFT_OBJECT_LIMIT);
  nest(m, NFTA_OBJ_DATA, [&] {
    if (quota) {
      put64(m, NFTA_QUOTA_BYTES, value);
      put64(m, NFTA_QUOTA_CONSUMED, std::min(used, value));  // the kernel takes no more
      return put32(m, NFTA_QUOTA_FLAGS, NFT_QUOTA_F_INV);
    }
    put64(m, NFTA_LIMIT_RATE, rate);
    put64(m, NFTA_LIMIT_UNIT, 1);
    put32(m, NFTA_LIMIT_BURST, std::clamp<std::uint64_t>(rate / 4, kLeastBurst, UINT32_MAX));
    put32(m, NFTA_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
    put32(m, NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
  });
}

int Netlink::send(OnAnswer on_answer) {
  if (last_ == nullptr) return 0;
  last_->nlmsg_flags |= NLM_F_ACK;  // of a transaction that went well only the last message is answered
  size_ += last_->nlmsg_len;
  if (transaction_) size_ += nftnl_batch_end(&out_[size_], ++sequence_)->nlmsg_len;
  if (mnl_socket_sendto(socket_.get(), out_.data(), size_) < 0) return errno;
  const auto take = [](const nlmsghdr* m, void* into) { return (*static_cast<OnAnswer*>(into))(m), MNL_CB_OK; };
  for (int more = MNL_CB_OK; more != MNL_CB_STOP;) {
    const auto got = mnl_socket_recvfrom(socket_.get(), in_.data(), in_.size());
    more = got < 0 ? MNL_CB_ERROR : mnl_cb_run(in_.data(), static_cast<std::size_t>(got), 0, 0, take, &on_answer);
    if (more != MNL_CB_ERROR) continue;
    const int failure = errno;  // the first; what else is said of it is of no use
    while (mnl_socket_recvfrom(socket_.get(), in_.data(), in_.size()) >= 0) continue;
    return failure;
  }
  return 0;
}

int Netlink::elements(const std::string& set, ByteView key, const std::function<void(const Element&)>& each) {
  begin(false);
  element(NFT_MSG_GETSETELEM, key.empty() ? NLM_F_DUMP : 0, set, {key});
  return send([&](const nlmsghdr* m) {
    netlink::each_attribute(within(attributes(m, sizeof(nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS),
                            [&](int, ByteView one) { each(read_element(one)); });
  });
}

}  // namespace foyer::drivers::nftables::kernel
