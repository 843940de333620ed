#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/encoding.hpp"

namespace foyer::beacon {

/// One AD structure: Core Specification Supplement, Part A, and Core 5.4 Vol 3 Part C section 11.
struct Structure {
  std::uint8_t type = 0;
  ByteView value;  ///< a view into the advertising data
};

inline constexpr std::uint8_t kServiceData16 = 0x16;     ///< Core Supplement Part A 1.11
inline constexpr std::uint8_t kManufacturerData = 0xFF;  ///< Core Supplement Part A 1.4

/// Why a walk ended before the end: a structure that says more bytes than there are.
struct Malformed {
  std::size_t offset = 0;  ///< of its length byte
  std::uint8_t says = 0;   ///< its length byte
  std::size_t left = 0;    ///< bytes there are behind it
};
std::string to_string(const Malformed& malformed);

/// Walks advertising data structure by structure, in place. A length of zero ends the data early (Core 5.4 Vol 3
/// Part C 11: the rest is padding) and is not an error; what follows it is not read.
class Walk {
 public:
  explicit Walk(ByteView data) : data_(data) {}

  /// False at the end and at the first malformed structure.
  bool next(Structure& out);
  const std::optional<Malformed>& malformed() const { return malformed_; }

 private:
  ByteView data_;
  std::size_t at_ = 0;
  std::optional<Malformed> malformed_;
};

}  // namespace foyer::beacon
