#pragma once

#include <libmnl/libmnl.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/encoding.hpp"

namespace foyer::drivers::nftables::kernel {

/// One element of a set or map as the kernel holds it.
struct Element {
  ByteView key{};                        ///< somebody else's
  std::chrono::milliseconds left{0};     ///< 0: only the key matters
  std::optional<std::uint64_t> bytes{};  ///< of a set that counts; always there in an answer
  std::string object{};                  ///< of a map
};

/// A connection to table `inet foyer` of nf_tables. What is put together is sent in one piece, and the kernel answers
/// within the send: nothing here waits. Failures are errno. One thread.
class Netlink {
 public:
  using OnAnswer = std::function<void(const nlmsghdr*)>;
  int open();
  void begin(bool transaction);  ///< of what happens together or not at all; else of one question
  nlmsghdr* message(int type, int flags);
  void element(int type, int flags, const std::string& set, const Element& element);
  /// An object that matches once `value` bytes are used up, or while more than `value` bits a second come.
  void object(int type, const std::string& name, bool quota, std::uint64_t value, std::uint64_t used);
  /// Nothing put together is nothing done. EINTR: the table changed during a dump.
  int send(OnAnswer on_answer = [](const nlmsghdr*) {});
  /// Asks for the element with this key, or without one for all of the set.
  int elements(const std::string& set, ByteView key, const std::function<void(const Element&)>& each);

 private:
  std::unique_ptr<mnl_socket, decltype(&mnl_socket_close)> socket_{nullptr, mnl_socket_close};
  std::uint32_t sequence_ = 0;
  std::size_t size_ = 0;
  nlmsghdr* last_ = nullptr;  ///< still grows, not in size_
  bool transaction_ = false;
  alignas(nlmsghdr) std::array<char, 32768> out_, in_;  ///< no dump comes in larger parts
};

}  // namespace foyer::drivers::nftables::kernel
