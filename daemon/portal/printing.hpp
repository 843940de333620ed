#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "campaign/model.hpp"

/// What is printed or hung up: QR pictures to join the Wi-Fi and to get in, and the poster with both.
namespace foyer::portal {

/// A picture of the brand as its file has it.
struct Logo {
  std::string type;  ///< image/svg+xml, image/png, image/jpeg or image/webp
  std::string content;
};

inline constexpr std::size_t kMostLogo = 256 * 1024;  ///< bytes of its file

/// By its first bytes; nullptr: none of the four kinds, or too large.
std::shared_ptr<const Logo> read_logo(std::string content);

struct PrintOrder {
  enum class What { wifi, poster, screen };
  enum class Format { svg, png, terminal, html };
  What what = What::wifi;
  Format format = Format::terminal;
  bool a5 = false;
  std::string zone;
  std::optional<std::chrono::seconds> ttl;  ///< of the poster's token
};

/// What the house knows and a picture shows.
struct PrintFacts {
  campaign::Text brand;
  std::vector<std::string> languages;  ///< the first two are printed
  std::string accent;
  std::shared_ptr<const Logo> logo;
  std::string ssid, password;  ///< no password: open or OWE, which phones join alike
  std::string url, code;       ///< of the token; empty where none is shown
};

/// The text of a QR that joins a Wi-Fi network, as phones read it (ZXing's form): `WIFI:T:WPA;S:…;P:…;;`. Backslash
/// before \ ; , : and "; a name that could be read as hexadecimal stands in quotes. Without password: `T:nopass`.
std::string wifi_text(std::string_view ssid, std::string_view password);

/// A picture and its media type. Code::refuse: what does not fit into a QR code.
struct Printed {
  std::string type, content;
};
Result<Printed> print(const PrintOrder& order, const PrintFacts& facts);

}  // namespace foyer::portal
