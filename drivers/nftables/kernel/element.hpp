#pragma once

#include <libnftnl/object.h>
#include <libnftnl/set.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "base/net.hpp"

struct nlmsghdr;

namespace foyer::drivers::nftables::kernel {

inline constexpr const char* kTable = "foyer";

/// One element of a set or map as the kernel holds it.
struct Element {
  Bytes key;
  std::chrono::milliseconds left{0};
  std::uint64_t bytes = 0, packets = 0;
  MacAddress owner{};    ///< of down; kept as its comment
  std::string object{};  ///< of a map, instead of a counter
};

/// Those of one message of an answer.
void read_elements(const nlmsghdr* message, std::vector<Element>& into);

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* one) const {
    Free(one);
  }
};
using Set = std::unique_ptr<nftnl_set, Freed<nftnl_set_free>>;
using Object = std::unique_ptr<nftnl_obj, Freed<nftnl_obj_free>>;

/// The set with one element, of which only the key is told when it has no time left; with none for an empty key.
Set make_set(const std::string& name, const Element& element);

/// Matches once `value` bytes are used up, or while more than `value` bits a second come.
Object make_object(const std::string& name, bool quota, std::uint64_t value, std::uint64_t used);

}  // namespace foyer::drivers::nftables::kernel
