#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace foyer {

/// A 48-bit link address (Wi-Fi or Bluetooth), most significant byte first as printed. Personal data: memory only.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};
  auto operator<=>(const MacAddress&) const = default;
};
std::string to_string(const MacAddress& mac);                ///< "02:00:00:00:00:01"
std::optional<MacAddress> parse_mac(std::string_view text);  ///< colons, either case

/// An IPv4 or IPv6 address in network order; IPv4-mapped IPv6 is always held as IPv4.
struct IpAddress {
  enum class Family : std::uint8_t { v4 = 4, v6 = 6 };
  Family family = Family::v4;
  std::array<std::uint8_t, 16> bytes{};  ///< the first 4 of IPv4, the rest zero
  auto operator<=>(const IpAddress&) const = default;
};
std::string to_string(const IpAddress& ip);
std::optional<IpAddress> parse_ip(std::string_view text);  ///< no scope, no brackets
bool is_loopback(const IpAddress& ip);
inline bool is_v6(const IpAddress& ip) { return ip.family == IpAddress::Family::v6; }

/// `10.77.0.1/20`: the address and how many leading bits are the network.
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;
  auto operator<=>(const IpPrefix&) const = default;
};
std::string to_string(const IpPrefix& prefix);
std::optional<IpPrefix> parse_prefix(std::string_view text);
bool contains(const IpPrefix& prefix, const IpAddress& ip);

}  // namespace foyer

template <>
struct std::hash<foyer::MacAddress> {
  std::size_t operator()(const foyer::MacAddress& mac) const noexcept;
};
template <>
struct std::hash<foyer::IpAddress> {
  std::size_t operator()(const foyer::IpAddress& ip) const noexcept;
};
