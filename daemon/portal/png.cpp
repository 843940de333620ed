#include <array>
#include <cstdint>

#include "portal/qr.hpp"

/// PNG (ISO/IEC 15948) of one bit a pixel, its data stored without compression (RFC 1950, RFC 1951): a QR code has a
/// few kilobytes, and this needs no library.
namespace foyer::portal {

namespace {

void put32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

std::uint32_t crc32(std::string_view data) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t n = 0; n < 256; ++n) {
      std::uint32_t c = n;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ c >> 1 : c >> 1;
      made[n] = c;
    }
    return made;
  }();
  std::uint32_t crc = 0xffffffffu;
  for (const char one : data) crc = table[(crc ^ static_cast<std::uint8_t>(one)) & 0xff] ^ crc >> 8;
  return ~crc;
}

std::uint32_t adler32(std::string_view data) {
  std::uint32_t a = 1, b = 0;
  for (const char one : data) {
    a = (a + static_cast<std::uint8_t>(one)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

void chunk(std::string& out, std::string_view type, const std::string& data) {
  put32(out, static_cast<std::uint32_t>(data.size()));
  const auto body = std::string(type) + data;
  out += body;
  put32(out, crc32(body));
}

/// zlib's format with stored blocks, each of at most 65,535 bytes.
std::string stored(std::string_view data) {
  std::string out("\x78\x01", 2);
  const auto whole = data;
  do {
    const auto block = data.substr(0, 65535);
    data.remove_prefix(block.size());
    const auto size = static_cast<std::uint16_t>(block.size());
    out.push_back(data.empty() ? '\1' : '\0');
    for (const auto value : {size, static_cast<std::uint16_t>(~size)}) {
      out.push_back(static_cast<char>(value & 0xff));
      out.push_back(static_cast<char>(value >> 8));
    }
    out += block;
  } while (!data.empty());
  put32(out, adler32(whole));
  return out;
}

}  // namespace

std::string qr_png(const QrCode& code, int scale) {
  const int side = (code.size() + 2 * kQuiet) * scale;
  std::string rows;
  for (int y = 0; y < side; ++y) {
    rows.push_back('\0');  // no filter
    std::uint8_t byte = 0;
    for (int x = 0; x < side; ++x) {
      const bool dark = code.dark(x / scale - kQuiet, y / scale - kQuiet);
      byte = static_cast<std::uint8_t>(byte << 1 | (dark ? 0 : 1));
      if (x % 8 == 7) rows.push_back(static_cast<char>(byte));
    }
    if (side % 8 != 0) rows.push_back(static_cast<char>(byte << (8 - side % 8)));
  }
  std::string head;
  put32(head, static_cast<std::uint32_t>(side));
  put32(head, static_cast<std::uint32_t>(side));
  head += std::string("\x01\x00\x00\x00\x00", 5);  // one bit, greyscale, deflate, no filters, not interlaced
  std::string out("\x89PNG\r\n\x1a\n", 8);
  chunk(out, "IHDR", head);
  chunk(out, "IDAT", stored(rows));
  chunk(out, "IEND", {});
  return out;
}

}  // namespace foyer::portal
