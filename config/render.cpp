#include "config/render.hpp"

#include <algorithm>

#include "base/certificate.hpp"
#include "base/encoding.hpp"

namespace foyer::config {

namespace {

bool plain(const std::string& text) {
  return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Result<std::string> security(const Wifi& wifi) {
  if (wifi.security == WifiSecurity::open) return std::string{};
  if (wifi.security == WifiSecurity::owe)
    return std::string{"wpa=2\nwpa_key_mgmt=OWE\nrsn_pairwise=CCMP\nieee80211w=2\n"};
  const auto password = read_secret(wifi.password_file);
  if (!password) return fail(password);
  // IEEE 802.11-2020 J.4.1: a passphrase is 8 to 63 printable ASCII characters.
  if (password->size() < 8 || password->size() > 63 || !plain(*password))
    return fail(Code::refuse, "{}: a Wi-Fi password is 8 to 63 printable ASCII characters", wifi.password_file);
  if (wifi.security == WifiSecurity::wpa2)
    return fmt::format("wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase={}\n", *password);
  return fmt::format("wpa=2\nwpa_key_mgmt=SAE\nrsn_pairwise=CCMP\nieee80211w=2\nsae_password={}\n", *password);
}

Result<std::string> hostapd(const Config& config) {
  const auto& wifi = config.wifi;
  const auto protection = security(wifi);
  if (!protection) return fail(protection);
  // ssid2 takes hex: for a name that hostapd's plain line could not carry.
  const auto ssid = plain(wifi.ssid) ? "ssid=" + wifi.ssid : "ssid2=" + to_hex(as_bytes(wifi.ssid));
  const auto slash = wifi.hostapd.rfind('/');
  const auto control = slash == std::string::npos ? std::string{"/run/hostapd"} : wifi.hostapd.substr(0, slash);
  return fmt::format(
      "# from foyer.yaml of {}: foyerctl render hostapd\n"
      "interface={}\ndriver=nl80211\n"
      "ctrl_interface={}\nctrl_interface_group=foyer\n"
      "{}\nutf8_ssid=1\nhw_mode=g\nchannel=6\nieee80211n=1\nwmm_enabled=1\n"
      "ap_isolate=1\nmax_num_sta=250\n{}",
      config.gateway.id, wifi.interface, control, ssid, *protection);
}

std::uint32_t number(const IpAddress& ip) {
  return static_cast<std::uint32_t>(ip.bytes[0]) << 24 | static_cast<std::uint32_t>(ip.bytes[1]) << 16 |
         static_cast<std::uint32_t>(ip.bytes[2]) << 8 | ip.bytes[3];
}

std::string dotted(std::uint32_t ip) {
  return fmt::format("{}.{}.{}.{}", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

/// RFC 8910: where phones ask for themselves. A phone that cannot validate it must act as if there were none, so a
/// certificate that is over, or not this host's, would only hide the portal from the newest phones.
std::string captive_option(const Config& config, WallTime now, WallTime build_date) {
  const auto& https = *config.portal.https;
  const auto pem = read_secret(https.certificate);
  const auto certificate = pem ? read_certificate(*pem, https.host) : Result<Certificate>(fail(pem));
  if (!certificate) return fmt::format("# no option 114: portal.https.certificate: {}\n", certificate.error().message);
  const auto state = state_of(*certificate, now, build_date);
  if (state != CertificateState::good && state != CertificateState::ending)
    return fmt::format("# no option 114: the certificate is not one that phones accept now: {}\n", to_string(state));
  return fmt::format("dhcp-option-force=114,https://{}/captive/api\n", https.host);
}

/// Addresses of these names go into the sets that foyer-gate lets everybody reach.
std::string walled_garden(const std::vector<std::string>& garden) {
  std::string text;
  for (const auto& host : garden) text += fmt::format("nftset=/{}/4#inet#foyer#garden4,6#inet#foyer#garden6\n", host);
  return text;
}

Result<std::string> dnsmasq(const Config& config, WallTime now, WallTime build_date) {
  const auto& prefix = config.wifi.address;
  if (prefix.address.family != IpAddress::Family::v4 || prefix.length < 8 || prefix.length > 28)
    return fail(Code::refuse, "wifi.address {} is not an IPv4 network of /8 to /28: no room for a DHCP range",
                to_string(prefix));
  const auto mask = ~std::uint32_t{0} << (32 - prefix.length);
  const auto box = number(prefix.address), first = (box & mask) + 1, last = (box | ~mask) - 1;
  // The range is the larger part beside the box's own address.
  const auto below = box - first, above = last - box;
  const auto from = below > above ? first : box + 1, to = below > above ? box - 1 : last;
  auto text = fmt::format(
      "# from foyer.yaml of {}: foyerctl render dnsmasq\n"
      "interface={}\nbind-dynamic\nexcept-interface=lo\n"
      "dhcp-authoritative\ndhcp-range={},{},{},1h\ndhcp-option=option:router,{}\ndhcp-option=option:dns-server,{}\n"
      "domain-needed\nbogus-priv\nno-negcache\ncache-size=1000\n",
      config.gateway.id, config.wifi.interface, dotted(from), dotted(to), dotted(mask), to_string(prefix.address),
      to_string(prefix.address));
  if (config.portal.https)
    text += fmt::format("host-record={},{}\n", config.portal.https->host, to_string(prefix.address)) +
            captive_option(config, now, build_date);
  return text + walled_garden(config.wifi.walled_garden);
}

std::string bluetooth(const Config& config) {
  return fmt::format(
      "# from foyer.yaml of {}: foyerctl render bluetooth > /etc/bluetooth/main.conf\n"
      "[General]\n"
      "Name = {}\n"
      "# Beacons are Low Energy; nothing pairs with the shop, and nothing else may find it.\n"
      "ControllerMode = le\n"
      "DiscoverableTimeout = 0\n"
      "AlwaysPairable = false\n"
      "FastConnectable = false\n"
      "# Advertisement monitors, by which foyerd hears passively, are experimental before BlueZ 5.70.\n"
      "Experimental = true\n"
      "\n[Policy]\n"
      "AutoEnable = true\n",
      config.gateway.id, config.gateway.id);
}

/// Ports of the box itself, from the side of its uplink. What guests may is foyer-gate's table.
std::string nftables(const Config& config) {
  return fmt::format(
      "#!/usr/sbin/nft -f\n"
      "# from foyer.yaml of {}: foyerctl render nftables > /etc/nftables.conf\n"
      "# The box's own firewall. There is no `flush ruleset` here: it would take foyer's table with the guests away.\n"
      "table inet box\n"
      "delete table inet box\n"
      "table inet box {{\n"
      "  chain input {{\n"
      "    type filter hook input priority 10; policy drop;\n"
      "    iifname \"lo\" accept\n"
      "    iifname \"{}\" accept comment \"guests: foyer-gate has decided before\"\n"
      "    ct state invalid drop\n"
      "    ct state established,related accept\n"
      "    meta l4proto {{ icmp, ipv6-icmp }} accept\n"
      "    iifname \"{}\" udp dport {{ 68, 546 }} accept comment \"our own DHCP\"\n"
      "    iifname \"{}\" tcp dport 22 accept comment \"the operator\"\n"
      "  }}\n"
      "}}\n",
      config.gateway.id, config.wifi.interface, config.wifi.uplink, config.wifi.uplink);
}

}  // namespace

Result<std::string> render(const std::string& what, const Config& config, WallTime now, WallTime build_date) {
  if (what == "bluetooth") return bluetooth(config);
  if (config.wifi.gate != GateDriver::nftables)
    return fail(Code::refuse, "wifi.gate is not nftables: there is no guests' Wi-Fi to render for");
  if (what == "hostapd") return hostapd(config);
  if (what == "dnsmasq") return dnsmasq(config, now, build_date);
  if (what == "nftables") return nftables(config);
  return fail(Code::refuse, "'{}' is not one of hostapd, dnsmasq, bluetooth, nftables", what);
}

}  // namespace foyer::config
