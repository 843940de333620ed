#pragma once

#include <endian.h>
#include <libmnl/libmnl.h>

#include <array>
#include <cerrno>
#include <cstdint>

/// Talking to nf_tables. The kernel answers within the send: nothing here waits.
namespace foyer::drivers::nftables::kernel {

/// Reads one datagram that waits; 0 or errno.
template <class OnMessage>
int receive_one(const mnl_socket* socket, OnMessage on_message) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;  // no dump comes in larger parts
  const ssize_t got = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
  if (got < 0) return errno;
  int left = static_cast<int>(got);
  for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
    on_message(m);
  return 0;
}

/// Sends a message or a batch and reads all that is answered: the first error told, as errno.
template <class OnMessage>
int exchange(const mnl_socket* socket, const void* data, std::size_t size, OnMessage on_message) {
  if (mnl_socket_sendto(socket, data, size) < 0) return errno;
  int failure = 0;
  for (bool answered = false;; answered = true) {
    const int error = receive_one(socket, [&](const nlmsghdr* m) {
      if (m->nlmsg_type != NLMSG_ERROR)
        on_message(m);
      else if (failure == 0)
        failure = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(m))->error;
    });
    if (error == EAGAIN) return answered ? failure : ENOMSG;
    if (error != 0 && error != EINTR) return error;
  }
}

template <class Each>
void each_attribute(const void* data, std::size_t size, Each each) {
  int left = static_cast<int>(size);
  for (const auto* one = static_cast<const nlattr*>(data); mnl_attr_ok(one, left); one = mnl_attr_next(one)) {
    each(one);
    left -= static_cast<int>(MNL_ALIGN(one->nla_len));
  }
}
/// The attribute of a kind within another one; null has none.
inline const nlattr* within(const nlattr* nest, int type) {
  const nlattr* found = nullptr;
  if (nest == nullptr) return found;
  each_attribute(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), [&](const nlattr* one) {
    if (mnl_attr_get_type(one) == type) found = one;
  });
  return found;
}
inline std::uint64_t number(const nlattr* attribute) {
  return attribute == nullptr ? 0 : be64toh(mnl_attr_get_u64(attribute));
}

}  // namespace foyer::drivers::nftables::kernel
