#include "base/pseudonym.hpp"

namespace foyer {

std::string to_base32(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  for (const auto byte : bytes) {
    bits = bits << 8 | byte;
    have += 8;
    while (have >= 5) {
      have -= 5;
      out.push_back(kDigits[bits >> have & 31]);
    }
  }
  if (have > 0) out.push_back(kDigits[bits << (5 - have) & 31]);
  return out;
}

std::string Pseudonyms::name(std::string_view domain, ByteView value) const {
  Bytes message(domain.begin(), domain.end());
  message.push_back(0);
  message.insert(message.end(), value.begin(), value.end());
  const auto digest = hmac_sha256(key_, message);
  return to_base32(ByteView{digest}.first(12));
}

}  // namespace foyer
