#include "base/net.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "base/encoding.hpp"

namespace foyer {

std::string to_string(const MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac.bytes[0], mac.bytes[1], mac.bytes[2],
                     mac.bytes[3], mac.bytes[4], mac.bytes[5]);
}

std::optional<MacAddress> parse_mac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress mac;
  for (std::size_t i = 0; i < 6; ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') return std::nullopt;
    const auto byte = from_hex(text.substr(i * 3, 2));
    if (!byte) return std::nullopt;
    mac.bytes[i] = byte->front();
  }
  return mac;
}

std::string to_string(const IpAddress& ip) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(ip.family == IpAddress::Family::v4 ? AF_INET : AF_INET6, ip.bytes.data(), text, sizeof text);
  return text;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  const std::string copy(text);
  IpAddress ip;
  if (inet_pton(AF_INET, copy.c_str(), ip.bytes.data()) == 1) return ip;
  if (copy.size() != text.size() || inet_pton(AF_INET6, copy.c_str(), ip.bytes.data()) != 1) return std::nullopt;
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2
  if (std::memcmp(ip.bytes.data(), mapped.data(), mapped.size()) == 0) {
    IpAddress v4;
    std::memcpy(v4.bytes.data(), ip.bytes.data() + 12, 4);
    return v4;
  }
  ip.family = IpAddress::Family::v6;
  return ip;
}

bool is_loopback(const IpAddress& ip) {
  if (ip.family == IpAddress::Family::v4) return ip.bytes[0] == 127;
  IpAddress one;
  one.family = IpAddress::Family::v6;
  one.bytes[15] = 1;
  return ip == one;
}

std::string to_string(const IpPrefix& prefix) { return fmt::format("{}/{}", to_string(prefix.address), prefix.length); }

std::optional<IpPrefix> parse_prefix(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = parse_ip(text.substr(0, slash));
  const auto bits = text.substr(slash + 1);
  unsigned length = 0;
  const auto parsed = std::from_chars(bits.data(), bits.data() + bits.size(), length);
  if (!address || bits.empty() || parsed.ec != std::errc{} || parsed.ptr != bits.data() + bits.size())
    return std::nullopt;
  if (length > (address->family == IpAddress::Family::v4 ? 32u : 128u)) return std::nullopt;
  return IpPrefix{*address, static_cast<std::uint8_t>(length)};
}

bool contains(const IpPrefix& prefix, const IpAddress& ip) {
  if (prefix.address.family != ip.family) return false;
  const std::size_t whole = prefix.length / 8, rest = prefix.length % 8;
  if (std::memcmp(prefix.address.bytes.data(), ip.bytes.data(), whole) != 0) return false;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (prefix.address.bytes[whole] & mask) == (ip.bytes[whole] & mask);
}

}  // namespace foyer

std::size_t std::hash<foyer::MacAddress>::operator()(const foyer::MacAddress& mac) const noexcept {
  return std::hash<std::string_view>{}(foyer::as_text(mac.bytes));
}

std::size_t std::hash<foyer::IpAddress>::operator()(const foyer::IpAddress& ip) const noexcept {
  return std::hash<std::string_view>{}(foyer::as_text(ip.bytes));
}
