#include <fmt/format.h>

#include <algorithm>

#include "config/sections.hpp"

namespace foyer::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostSsid = 32;  // IEEE 802.11-2020 9.4.2.2
constexpr std::size_t kMostGarden = 256;
constexpr std::uint64_t kMostRate = 100'000'000'000;
constexpr std::uint64_t kMostQuota = 1ull << 50;
constexpr std::string_view kInterfaceWanted =
    "a network interface of 1 to 15 letters, digits, dots and dashes like wlan0";

void read_password(const Fields& map, Wifi& wifi) {
  const auto file = map.find("password_file");
  const bool keyed = wifi.security == WifiSecurity::wpa2 || wifi.security == WifiSecurity::wpa3;
  if (!file) {
    if (keyed) map.fault("needs a password_file for wpa2 and wpa3");
    return;
  }
  if (!keyed && map.find("kind")) return file->fault("is only for kind: wpa2 and wpa3");
  const auto password = read_named_secret(map, "password_file", wifi.password_file);
  const auto printable = [](char c) { return c >= 0x20 && c <= 0x7e; };
  // IEEE 802.11-2020 J.4.1: a passphrase; what it is, is not said.
  if (password && (password->size() < 8 || password->size() > 63 || !std::ranges::all_of(*password, printable)))
    file->fault("must hold a password of 8 to 63 printable ASCII characters");
}

void read_security(const Value& value, Wifi& wifi) {
  const auto map = section(value, "wifi.security");
  if (!map) return;
  const bool known = !map->find("kind") || map->choose<WifiSecurity>("kind", wifi.security,
                                                                     {{"open", WifiSecurity::open},
                                                                      {"owe", WifiSecurity::owe},
                                                                      {"wpa2", WifiSecurity::wpa2},
                                                                      {"wpa3", WifiSecurity::wpa3}});
  if (known) read_password(*map, wifi);
}

/// An address of ours inside a network that has room for guests.
bool is_guest_network(std::string_view text) {
  const auto prefix = parse_prefix(text);
  if (!prefix || prefix->address.family != IpAddress::Family::v4 || prefix->length < 8 || prefix->length > 30)
    return false;
  std::uint32_t host = 0;
  for (std::size_t i = 0; i < 4; ++i) host = host << 8 | prefix->address.bytes[i];
  const std::uint32_t mask = 0xffffffffu >> prefix->length;
  return (host & mask) != 0 && (host & mask) != mask;
}

void read_session(const Value& value, Wifi& wifi) {
  const auto map = section(value, "wifi.session");
  if (!map) return;
  map->read("length", wifi.session_length, &Value::seconds, 1s, 7 * 24h);
  map->read("idle", wifi.session_idle, &Value::seconds, 1s, 7 * 24h);
  map->read("quota", wifi.quota, &Value::size, 1024, kMostQuota);
  map->read("down", wifi.down_bps, &Value::rate, 8000, kMostRate);
  map->read("up", wifi.up_bps, &Value::rate, 8000, kMostRate);
  map->read("per_device_per_day", wifi.per_device_per_day, &Value::number, 1, 1'000'000);
}

/// Names only: the gate learns their addresses from dnsmasq as guests ask for them.
void read_garden(const Value& value, std::vector<std::string>& garden) {
  for (const auto& item : value.list(0, kMostGarden).value_or(std::vector<Value>{}))
    if (const auto host = matching(item, is_host_name, "a host name like pay.example.com; an address cannot be given"))
      garden.push_back(*host);
}

void read_blocked(const Value& value, std::vector<MacAddress>& blocked) {
  constexpr std::size_t kMostBlocked = 64;  // as the gate's set
  for (const auto& item : value.list(0, kMostBlocked).value_or(std::vector<Value>{}))
    if (const auto mac = matching(
            item, [](std::string_view text) { return parse_mac(text).has_value(); },
            "a MAC address like 02:00:00:00:00:01"))
      blocked.push_back(*parse_mac(*mac));
}

bool is_socket_path(std::string_view text) { return !text.empty() && text.size() <= kMostSocketPath && text[0] == '/'; }
constexpr std::string_view kSocketWanted = "the absolute path of a socket, at most 107 bytes";

}  // namespace

void read_wifi(const Value& value, Wifi& wifi) {
  const auto map = section(value, "wifi");
  if (!map) return;
  wifi.gate = GateDriver::nftables;
  map->choose<GateDriver>("gate", wifi.gate,
                          {{"nftables", GateDriver::nftables}, {"sim", GateDriver::sim}, {"off", GateDriver::off}});
  read_matching(*map, "interface", wifi.interface, is_interface, kInterfaceWanted);
  read_matching(*map, "uplink", wifi.uplink, is_interface, kInterfaceWanted);
  if (wifi.gate == GateDriver::nftables && wifi.interface == wifi.uplink)
    map->find(map->find("uplink") ? "uplink" : "interface")->fault("is the interface and the uplink at once");
  map->read("ssid", wifi.ssid, &Value::text, kMostSsid);
  if (const auto security = map->find("security")) read_security(*security, wifi);
  std::string address;
  if (read_matching(*map, "address", address, is_guest_network,
                    "our IPv4 address in the guests' network like 10.77.0.1/20, from /8 to /30"))
    wifi.address = *parse_prefix(address);
  read_matching(*map, "hostapd", wifi.hostapd, is_socket_path, kSocketWanted);
  read_matching(*map, "gate_socket", wifi.gate_socket, is_socket_path, kSocketWanted);
  map->read("lan_access", wifi.lan_access, &Value::flag);
  if (const auto session = map->find("session")) read_session(*session, wifi);
  if (const auto garden = map->find("walled_garden")) read_garden(*garden, wifi.walled_garden);
  if (const auto blocked = map->find("blocked")) read_blocked(*blocked, wifi.blocked);
}

}  // namespace foyer::config
