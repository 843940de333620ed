#include "drivers/nftables/kernel/element.hpp"

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>

#include "drivers/nftables/kernel/netlink.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

ByteView payload(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)), mnl_attr_get_payload_len(attribute)};
}

Element read(const nlattr* one) {
  const auto key = payload(within(within(one, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE));
  const nlattr* counter = within(within(one, NFTA_SET_ELEM_EXPR), NFTA_EXPR_DATA);
  Element element{{key.begin(), key.end()}};
  element.left = std::chrono::milliseconds(number(within(one, NFTA_SET_ELEM_EXPIRATION)));
  element.bytes = number(within(counter, NFTA_COUNTER_BYTES));
  element.packets = number(within(counter, NFTA_COUNTER_PACKETS));
  // The comment is one TLV: type, length with the NUL, text (libnftnl's udata).
  if (const auto note = payload(within(one, NFTA_SET_ELEM_USERDATA)); note.size() > 3)
    element.owner = parse_mac({reinterpret_cast<const char*>(note.data()) + 2, note.size() - 3}).value_or(MacAddress{});
  return element;
}

void fill(nftnl_set_elem* into, const Element& element) {
  nftnl_set_elem_set_u64(into, NFTNL_SET_ELEM_TIMEOUT, static_cast<std::uint64_t>(element.left.count()));
  if (!element.object.empty()) {
    nftnl_set_elem_set_str(into, NFTNL_SET_ELEM_OBJREF, element.object.c_str());
    return;
  }
  nftnl_expr* counter = nftnl_expr_alloc("counter");
  nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, element.bytes);
  nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, element.packets);
  nftnl_set_elem_set(into, NFTNL_SET_ELEM_EXPR, counter, 0);
  if (element.owner == MacAddress{}) return;
  nftnl_udata_buf* note = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
  nftnl_udata_put_strz(note, NFTNL_UDATA_SET_ELEM_COMMENT, to_string(element.owner).c_str());
  nftnl_set_elem_set(into, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(note), nftnl_udata_buf_len(note));
  nftnl_udata_buf_free(note);
}

}  // namespace

void read_elements(const nlmsghdr* message, std::vector<Element>& into) {
  each_attribute(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)),
                 mnl_nlmsg_get_payload_len(message) - MNL_ALIGN(sizeof(nfgenmsg)), [&](const nlattr* part) {
                   if (mnl_attr_get_type(part) != NFTA_SET_ELEM_LIST_ELEMENTS) return;
                   each_attribute(mnl_attr_get_payload(part), mnl_attr_get_payload_len(part),
                                  [&](const nlattr* one) { into.push_back(read(one)); });
                 });
}

Set make_set(const std::string& name, const Element& element) {
  Set set(nftnl_set_alloc());
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, kTable);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name.c_str());
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  if (element.key.empty()) return set;
  nftnl_set_elem* one = nftnl_set_elem_alloc();
  nftnl_set_elem_set(one, NFTNL_SET_ELEM_KEY, element.key.data(), static_cast<std::uint32_t>(element.key.size()));
  if (element.left.count() > 0) fill(one, element);
  nftnl_set_elem_add(set.get(), one);
  return set;
}

Object make_object(const std::string& name, bool quota, std::uint64_t value, std::uint64_t used) {
  constexpr std::uint64_t kLeastBurst = 128 * 1024;  // bytes; the kernel hands on up to 64 KiB as one packet
  const std::uint64_t rate = value / 8, burst = std::clamp<std::uint64_t>(rate / 4, kLeastBurst, UINT32_MAX);
  Object object(nftnl_obj_alloc());
  nftnl_obj_set_str(object.get(), NFTNL_OBJ_TABLE, kTable);
  nftnl_obj_set_str(object.get(), NFTNL_OBJ_NAME, name.c_str());
  nftnl_obj_set_u32(object.get(), NFTNL_OBJ_TYPE, quota ? NFT_OBJECT_QUOTA : NFT_OBJECT_LIMIT);
  if (quota) {
    nftnl_obj_set_u64(object.get(), NFTNL_OBJ_QUOTA_BYTES, value);
    nftnl_obj_set_u64(object.get(), NFTNL_OBJ_QUOTA_CONSUMED, std::min(used, value));  // the kernel takes no more
    nftnl_obj_set_u32(object.get(), NFTNL_OBJ_QUOTA_FLAGS, NFT_QUOTA_F_INV);
    return object;
  }
  nftnl_obj_set_u64(object.get(), NFTNL_OBJ_LIMIT_RATE, rate);
  nftnl_obj_set_u64(object.get(), NFTNL_OBJ_LIMIT_UNIT, 1);
  nftnl_obj_set_u32(object.get(), NFTNL_OBJ_LIMIT_BURST, static_cast<std::uint32_t>(burst));
  nftnl_obj_set_u32(object.get(), NFTNL_OBJ_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
  nftnl_obj_set_u32(object.get(), NFTNL_OBJ_LIMIT_FLAGS, NFT_LIMIT_F_INV);
  return object;
}

}  // namespace foyer::drivers::nftables::kernel
