#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/document.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "campaign/lint.hpp"
#include "campaign/model.hpp"
#include "campaign/offer.hpp"

/// foyer.yaml as values (docs/configuration.md). A Config exists only if every rule of the file was kept.
namespace foyer::config {

using campaign::Text;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Gateway {
  std::string id, store, tenant;  ///< required; [A-Za-z0-9._-], 1 to 64
  std::string timezone = "Asia/Shanghai";
  std::vector<std::string> languages{"zh-CN", "en"};
  bool operator==(const Gateway&) const = default;
};

struct Brand {
  Text name;
  std::string logo;  ///< file; empty: none
  std::string accent = "#07c160";
  bool operator==(const Brand&) const = default;
};

struct Storage {
  std::string path = "/var/lib/foyer/foyer.db";
  std::uint64_t max_size = 256ull << 20;
  std::size_t commit_group = 256;  ///< decisions that share one commit at most
  bool operator==(const Storage&) const = default;
};

enum class RadioDriver { bluez, sim };
enum class ScanMode { automatic, active, passive, off };

struct BroadcastBeacon {
  Uuid uuid;
  std::uint16_t major = 0;
  std::optional<std::uint16_t> minor;  ///< absent: rolling
  seconds rotate{60};
  int measured_power = -59;
  std::string adapter = "auto";
  bool operator==(const BroadcastBeacon&) const = default;
};

struct Radio {
  RadioDriver driver = RadioDriver::bluez;
  std::string scenario;  ///< sim only; empty: silence
  std::string adapter = "auto";
  ScanMode mode = ScanMode::automatic;
  bool tap = false;
  int rssi_floor = -100;
  std::vector<BroadcastBeacon> broadcast;
  bool operator==(const Radio&) const = default;
};

/// A beacon that sends ephemeral identifiers, and how to know it again.
struct EidBeacon {
  std::string name, key_file;
  std::array<std::uint8_t, 16> identity_key{};  ///< what key_file holds; secret
  std::uint8_t rotation = 0;                    ///< a fresh identifier every 2^rotation seconds
  std::int64_t clock_offset = 0;                ///< UTC seconds less the beacon's clock
  bool operator==(const EidBeacon&) const = default;
};

/// A beacon, or all of a uuid, a major or a namespace.
struct NamedBeacon {
  Uuid uuid;  ///< unless one of those below is there
  std::optional<std::uint16_t> major, minor;
  std::optional<std::array<std::uint8_t, 10>> name_space{};
  std::optional<std::array<std::uint8_t, 6>> instance{};
  std::optional<EidBeacon> eid{};
  bool operator==(const NamedBeacon&) const = default;
};
std::string to_string(const NamedBeacon& beacon);

struct Zone {
  std::string id;
  Text name;
  std::vector<NamedBeacon> beacons;
  int enter = -70, exit = -76;
  milliseconds dwell{30'000}, exit_after{45'000};
  std::optional<bool> signal{};  ///< takes by signal what no zone names; absent: where it has no beacons
  bool operator==(const Zone&) const = default;
};

struct Shoppers {
  Uuid uuid;
  seconds lease{4 * 3600};
  bool operator==(const Shoppers&) const = default;
};

/// What staff and goods carry: seen like any beacon, and no shopper.
struct Tags {
  std::vector<NamedBeacon> staff, assets;
  bool operator==(const Tags&) const = default;
};

enum class GateDriver { nftables, sim, off };
enum class WifiSecurity { open, owe, wpa2, wpa3 };

struct Wifi {
  GateDriver gate = GateDriver::off;  ///< a file without `wifi` has no gate
  std::string interface = "wlan0", uplink = "eth0", ssid = "Store-Guest";
  WifiSecurity security = WifiSecurity::open;
  std::string password_file;
  IpPrefix address;     ///< 10.77.0.1/20 where absent
  std::string hostapd;  ///< control socket; empty: no signal
  std::string gate_socket = "/run/foyer-gate/gate.sock";
  bool lan_access = false;
  seconds session_length{7200}, session_idle{1200};
  std::uint64_t quota = 0;                 ///< bytes; 0: none
  std::uint64_t down_bps = 0, up_bps = 0;  ///< 0: no limit
  std::uint32_t per_device_per_day = 4;
  std::vector<std::string> walled_garden;
  std::vector<MacAddress> blocked;  ///< devices that are refused everything; 64 at most
  bool operator==(const Wifi&) const = default;
};

struct Https {
  std::string listen = "[::]:8443", host, certificate, key;
  bool operator==(const Https&) const = default;
};

struct Portal {
  std::string http = "[::]:8080";
  std::optional<Https> https;
  std::vector<std::string> hosts;
  seconds screen_rotation{30};
  bool consent_required = true;
  Text terms;
  std::uint32_t draws_per_minute = 6, redeems_per_minute = 5;  ///< limits: {draws: 6, redeems: 5}
  bool operator==(const Portal&) const = default;
};

enum class Acknowledge { broker, application };

struct Upstream {
  std::string host;
  std::uint16_t port = 1883;
  bool tls = false;
  std::string ca, certificate, key, username, password_file;
  seconds keepalive{30};
  Acknowledge acknowledge = Acknowledge::broker;
  bool operator==(const Upstream&) const = default;
};

struct Admin {
  std::string socket = "/run/foyer/control.sock";
  std::string http = "127.0.0.1:9464";
  std::string password_file;
  bool operator==(const Admin&) const = default;
};

/// How long rows stay after what they tell of is over (docs/privacy.md).
struct Keep {
  std::chrono::seconds coupons = std::chrono::days{400};  ///< redeemed, expired or voided, with their uses
  std::chrono::seconds sales = std::chrono::days{400};
  std::chrono::seconds prizes = std::chrono::days{1096};  ///< the record of what was won
  std::chrono::seconds consents = std::chrono::days{1096};
  bool operator==(const Keep&) const = default;
};

/// What holds for every campaign.
struct Promotions {
  campaign::Ceilings ceilings = campaign::legal_ceilings();  ///< of one prize's worth
  campaign::OfferRules offers;
  bool operator==(const Promotions&) const = default;
};

enum class PrivacyMode { counting, visit, member };

struct Config {
  Gateway gateway;
  Brand brand;
  Storage storage;
  Radio radio;
  std::vector<Zone> zones;
  std::optional<Shoppers> shoppers;
  Tags tags;
  Wifi wifi;
  Portal portal;
  std::string pos_keys_file;
  std::string chain_keys_file;  ///< public keys of the chain's other shops; empty: none
  std::optional<Upstream> upstream;
  std::string campaigns = "/etc/foyer/campaigns.d";
  Promotions promotions;
  Admin admin;
  PrivacyMode privacy = PrivacyMode::visit;
  std::uint32_t privacy_k = 10;
  Keep keep;
  bool operator==(const Config&) const = default;
};

/// The one way to a Config: all faults at once, in file order. Files named in it (secrets, certificates, scenario) must
/// be readable. Never throws, whatever the bytes.
tl::expected<Config, Faults> read_config(const std::string& path);
tl::expected<Config, Faults> parse_config(const std::string& text, const std::string& file);

/// Dotted keys whose change needs a restart (listeners, storage, ids, drivers), in order.
std::vector<std::string> needs_restart(const Config& running, const Config& wanted);

/// `wanted`, but with everything that needs a restart as it is running.
Config keep_fixed(const Config& running, Config wanted);

/// The content of a secret file without its last newline; a name without a slash is sought in $CREDENTIALS_DIRECTORY.
Result<std::string> read_secret(const std::string& name);

}  // namespace foyer::config
