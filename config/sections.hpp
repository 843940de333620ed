#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/strict_reader.hpp"
#include "config/config.hpp"
#include "config/keys.hpp"
#include "config/text.hpp"

/// The parts of the reader of foyer.yaml, a function a section: each reads what is written into `config`, leaves the
/// defaults where nothing is, and logs what is wrong.
namespace foyer::config {

inline constexpr std::size_t kMostName = 64;  ///< ids, stores, tenants, zones: parts of MQTT topics and tokens
inline constexpr std::size_t kMostPath = 1024;
inline constexpr std::size_t kMostSocketPath = 107;  ///< unix(7): sun_path with its end

void read_gateway(const Value& value, Gateway& gateway);
void read_brand(const Value& value, Brand& brand);
void read_storage(const Value& value, Storage& storage);
void read_radio(const Value& value, Radio& radio);
void read_zones(const Value& value, std::vector<Zone>& zones);
inline constexpr std::size_t kMostBeacons = 256;                                  ///< in one zone, of one role
std::vector<NamedBeacon> read_beacons(const Value& list, std::string_view path);  ///< `path` in the table of keys
void read_tags(const Value& value, Tags& tags);
void read_shoppers(const Value& value, Shoppers& shoppers);
void read_wifi(const Value& value, Wifi& wifi);
void read_portal(const Value& value, Portal& portal);
void read_pos(const Value& value, Config& config);
void read_upstream(const Value& value, Upstream& upstream);
void read_promotions(const Value& value, Promotions& promotions);
void read_admin(const Value& value, Admin& admin);
void read_privacy(const Value& value, Config& config);

/// The rules between sections; they hold only for a file whose sections are good.
void check_together(const Fields& root, const Config& config);

// ---- what the sections share ---------------------------------------------------------------------------------

/// The map at `path` of the table of keys.
inline std::optional<Fields> section(const Value& value, std::string_view path) { return value.fields(keys_of(path)); }

/// A text that a grammar accepts; `wanted` says what is allowed.
std::optional<std::string> matching(const Value& value, bool (*grammar)(std::string_view), std::string_view wanted);
bool read_matching(const Fields& map, std::string_view key, std::string& out, bool (*grammar)(std::string_view),
                   std::string_view wanted);

/// A file that must be readable now; its content, or nullopt after a fault. `out` gets the name as written.
std::optional<std::string> read_named_file(const Fields& map, std::string_view key, std::string& out);
/// The same for a secret or certificate, which may be a name in $CREDENTIALS_DIRECTORY.
std::optional<std::string> read_named_secret(const Fields& map, std::string_view key, std::string& out);

bool is_listen(std::string_view text);
inline constexpr std::string_view kListenWanted =
    "an address and a port from 1 to 65535 like 127.0.0.1:8080 or [::]:8080";
inline constexpr std::string_view kAdapterWanted = "auto, an adapter like hci0 or its address like 00:1A:7D:DA:71:13";

}  // namespace foyer::config
