#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/net.hpp"
#include "base/result.hpp"

/// Small grammars of the file's values, and reading files whole.
namespace foyer::config {

inline constexpr std::size_t kMostFileBytes = 1 << 20;

struct Place {
  int line = 0, column = 0;
};
/// Where text stops being UTF-8 (RFC 3629) without control characters other than tab and line ends.
std::optional<Place> first_bad_byte(std::string_view text);

bool is_host(std::string_view text);       ///< a DNS name (RFC 1123 section 2.1) or an address
bool is_host_name(std::string_view text);  ///< a DNS name only
bool is_interface(std::string_view text);  ///< a Linux network interface: 1 to 15 bytes
bool is_adapter(std::string_view text);    ///< auto, hciN or a Bluetooth address
bool is_colour(std::string_view text);     ///< #rrggbb

struct Listen {
  IpAddress address;
  std::uint16_t port = 0;
};
std::optional<Listen> parse_listen(std::string_view text);  ///< 127.0.0.1:8080 or [::]:8080

/// A file of at most `most` bytes as it is. Code::refuse where it cannot be read, is a folder or is larger.
Result<std::string> read_file(const std::string& path, std::size_t most);

/// Where a secret's name leads: a name without a slash is sought in $CREDENTIALS_DIRECTORY first.
std::string secret_path(const std::string& name);

}  // namespace foyer::config
