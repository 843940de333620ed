#pragma once

#include <endian.h>
#include <libmnl/libmnl.h>

#include <cstdint>
#include <cstring>
#include <span>

/// Reading attributes of netlink messages; what libmnl's macros for it are, in C++. Any thread.
namespace foyer::drivers::netlink {

using Payload = std::span<const std::uint8_t>;

/// What follows the header of a message and `extra` bytes of its subsystem's own.
inline Payload attributes(const nlmsghdr* message, std::size_t extra) {
  const Payload all(static_cast<const std::uint8_t*>(mnl_nlmsg_get_payload(message)),
                    mnl_nlmsg_get_payload_len(message));
  return all.subspan(all.size() < extra ? all.size() : MNL_ALIGN(extra));
}

/// Tells kind and payload of each attribute in a row.
void each_attribute(Payload row, const auto& told) {
  const auto* one = reinterpret_cast<const nlattr*>(row.data());
  for (auto left = static_cast<int>(row.size()); mnl_attr_ok(one, left); one = mnl_attr_next(one)) {
    told(int{mnl_attr_get_type(one)},
         Payload(static_cast<const std::uint8_t*>(mnl_attr_get_payload(one)), mnl_attr_get_payload_len(one)));
    left -= static_cast<int>(MNL_ALIGN(one->nla_len));
  }
}

/// The payload of the last attribute of a kind in a row; none: empty.
inline Payload within(Payload row, int kind) {
  Payload found;
  each_attribute(row, [&](int type, Payload payload) { found = type == kind ? payload : found; });
  return found;
}

/// 64 bits in network order; anything else is 0.
inline std::uint64_t number(Payload payload) {
  std::uint64_t value = 0;
  if (payload.size() == sizeof value) std::memcpy(&value, payload.data(), sizeof value);
  return be64toh(value);
}

}  // namespace foyer::drivers::netlink
