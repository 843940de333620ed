#include "config/keys.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace foyer::config {
namespace {

using std::string_view;

constexpr string_view kRoot[] = {"gateway",  "brand",     "storage",    "radio",  "zones",
                                 "shoppers", "tags",      "wifi",       "portal", "pos",
                                 "upstream", "campaigns", "promotions", "admin",  "privacy"};
constexpr string_view kGateway[] = {"id", "store", "tenant", "timezone", "languages"};
constexpr string_view kBrand[] = {"name", "logo", "accent"};
constexpr string_view kStorage[] = {"path", "max_size", "commit_group"};
constexpr string_view kRadio[] = {"driver", "scenario", "scan", "broadcast"};
constexpr string_view kScan[] = {"adapter", "mode", "tap", "rssi_floor"};
constexpr string_view kBroadcast[] = {"uuid", "major", "minor", "rotate", "measured_power", "adapter"};
constexpr string_view kZone[] = {"id", "name", "beacons", "enter", "exit", "dwell", "exit_after", "signal"};
constexpr string_view kZoneBeacon[] = {"uuid", "major", "minor", "namespace", "instance", "eid"};
constexpr string_view kEid[] = {"name", "key_file", "rotation", "clock_offset"};
constexpr string_view kTags[] = {"staff", "assets"};
constexpr string_view kShoppers[] = {"uuid", "lease"};
constexpr string_view kWifi[] = {"gate",    "interface",   "uplink",     "ssid",    "security",      "address",
                                 "hostapd", "gate_socket", "lan_access", "session", "walled_garden", "blocked"};
constexpr string_view kSecurity[] = {"kind", "password_file"};
constexpr string_view kSession[] = {"length", "idle", "quota", "down", "up", "per_device_per_day"};
constexpr string_view kPortal[] = {"http", "https", "hosts", "screen_rotation", "consent", "limits"};
constexpr string_view kHttps[] = {"listen", "host", "certificate", "key"};
constexpr string_view kConsent[] = {"required", "terms"};
constexpr string_view kRates[] = {"draws", "redeems"};
constexpr string_view kPos[] = {"keys_file", "chain_keys_file"};
constexpr string_view kUpstream[] = {"mqtt", "acknowledge"};
constexpr string_view kMqtt[] = {"host", "port", "tls", "username", "password_file", "keepalive"};
constexpr string_view kTls[] = {"ca", "certificate", "key"};
constexpr string_view kPromotions[] = {"ceiling", "offers", "quiet"};
constexpr string_view kOffers[] = {"per_subject", "day"};
constexpr string_view kOffersSubject[] = {"day"};
constexpr string_view kAdmin[] = {"socket", "http", "password_file"};
constexpr string_view kPrivacy[] = {"mode", "k", "keep"};
constexpr string_view kKeep[] = {"coupons", "sales", "prizes", "consents"};

constexpr MapKeys kTable[] = {{"", kRoot},
                              {"gateway", kGateway},
                              {"brand", kBrand},
                              {"storage", kStorage},
                              {"radio", kRadio},
                              {"radio.scan", kScan},
                              {"radio.broadcast[]", kBroadcast},
                              {"zones[]", kZone},
                              {"zones[].beacons[]", kZoneBeacon},
                              {"zones[].beacons[].eid", kEid},
                              {"tags", kTags},
                              {"tags.staff[]", kZoneBeacon},
                              {"tags.staff[].eid", kEid},
                              {"tags.assets[]", kZoneBeacon},
                              {"tags.assets[].eid", kEid},
                              {"shoppers", kShoppers},
                              {"wifi", kWifi},
                              {"wifi.security", kSecurity},
                              {"wifi.session", kSession},
                              {"portal", kPortal},
                              {"portal.https", kHttps},
                              {"portal.consent", kConsent},
                              {"portal.limits", kRates},
                              {"pos", kPos},
                              {"upstream", kUpstream},
                              {"upstream.mqtt", kMqtt},
                              {"upstream.mqtt.tls", kTls},
                              {"promotions", kPromotions},
                              {"promotions.offers", kOffers},
                              {"promotions.offers.per_subject", kOffersSubject},
                              {"admin", kAdmin},
                              {"privacy", kPrivacy},
                              {"privacy.keep", kKeep}};

}  // namespace

std::span<const MapKeys> known_keys() { return kTable; }

std::span<const string_view> keys_of(string_view path) {
  const auto found = std::ranges::find(kTable, path, &MapKeys::path);
  if (found == std::end(kTable)) std::abort();  // a path of this room's own that is not in its table: a bug
  return found->keys;
}

}  // namespace foyer::config
