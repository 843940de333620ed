// Advertising data from the air: the walk over its AD structures, every format, and the JSON of `foyerctl decode`.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/encoding.hpp"
#include "beacon/decode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const foyer::ByteView advert(data, size);
  std::size_t frames = 0;
  const auto malformed = foyer::beacon::for_each_frame(advert, [&frames](const foyer::beacon::Frame&) { ++frames; });
  // A structure is at least two bytes, and what breaks a walk off lies within the data.
  if (frames > size / 2) std::abort();
  if (malformed && (malformed->offset >= size || malformed->says <= malformed->left)) std::abort();
  const auto json = foyer::beacon::decode_json(advert);
  if ((json.find("\"error\"") != std::string::npos) != malformed.has_value()) std::abort();
  static_cast<void>(foyer::beacon::decode_line(foyer::as_text(advert)));
  return 0;
}
