#include "beacon/structure.hpp"

#include <fmt/format.h>

namespace foyer::beacon {

std::string to_string(const Malformed& malformed) {
  return fmt::format("the AD structure at byte {} says {} bytes where {} are left", malformed.offset, malformed.says,
                     malformed.left);
}

bool Walk::next(Structure& out) {
  if (malformed_ || at_ >= data_.size()) return false;
  const std::uint8_t length = data_[at_];
  if (length == 0) {
    at_ = data_.size();
    return false;
  }
  const std::size_t left = data_.size() - at_ - 1;
  if (length > left) {
    malformed_ = Malformed{at_, length, left};
    return false;
  }
  out.type = data_[at_ + 1];
  out.value = data_.subspan(at_ + 2, length - 1u);
  at_ += 1u + length;
  return true;
}

}  // namespace foyer::beacon
