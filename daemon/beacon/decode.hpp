#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/encoding.hpp"
#include "base/result.hpp"
#include "beacon/frame.hpp"
#include "beacon/structure.hpp"

namespace foyer::beacon {

/// The frame one AD structure carries. Nothing where it is no beacon, or one whose bytes break its own format (a length
/// that does not fit, an Eddystone URL with a reserved code): such a frame is left out, the advert is not malformed.
std::optional<Frame> decode(const Structure& structure);

/// Calls fn(const Frame&) for every frame, in order: two of one kind are two frames. Returns why the walk broke off,
/// after the frames met before. Allocates nothing.
template <class Fn>
std::optional<Malformed> for_each_frame(ByteView data, Fn&& fn) {
  Walk walk(data);
  Structure structure;
  while (walk.next(structure))
    if (const auto frame = decode(structure)) fn(*frame);
  return walk.malformed();
}

/// One line of `foyerctl decode`: {"frames":[…]}, with "error" only where the AD structures are malformed.
std::string decode_json(ByteView data);

/// The same from hex, as typed: either case, blanks between bytes allowed. Code::refuse where it is not hex.
Result<std::string> decode_line(std::string_view hex);

}  // namespace foyer::beacon
