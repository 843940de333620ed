#include <utility>

#include "config/config.hpp"

namespace foyer::config {

std::vector<std::string> needs_restart(const Config& running, const Config& wanted) {
  std::vector<std::string> keys;
  const auto compare = [&](const char* key, const auto& a, const auto& b) {
    if (!(a == b)) keys.emplace_back(key);
  };
  compare("gateway.id", running.gateway.id, wanted.gateway.id);
  compare("gateway.store", running.gateway.store, wanted.gateway.store);
  compare("gateway.tenant", running.gateway.tenant, wanted.gateway.tenant);
  compare("gateway.timezone", running.gateway.timezone, wanted.gateway.timezone);
  compare("storage.path", running.storage.path, wanted.storage.path);
  compare("storage.commit_group", running.storage.commit_group, wanted.storage.commit_group);
  compare("storage.max_size", running.storage.max_size, wanted.storage.max_size);
  compare("radio.driver", running.radio.driver, wanted.radio.driver);
  compare("radio.scenario", running.radio.scenario, wanted.radio.scenario);
  compare("radio.scan.adapter", running.radio.adapter, wanted.radio.adapter);
  compare("radio.scan.tap", running.radio.tap, wanted.radio.tap);
  compare("radio.scan.mode", running.radio.mode, wanted.radio.mode);
  compare("radio.scan.rssi_floor", running.radio.rssi_floor, wanted.radio.rssi_floor);
  compare("wifi.gate", running.wifi.gate, wanted.wifi.gate);
  compare("wifi.interface", running.wifi.interface, wanted.wifi.interface);
  compare("wifi.uplink", running.wifi.uplink, wanted.wifi.uplink);
  compare("wifi.address", running.wifi.address, wanted.wifi.address);
  compare("wifi.hostapd", running.wifi.hostapd, wanted.wifi.hostapd);
  compare("wifi.gate_socket", running.wifi.gate_socket, wanted.wifi.gate_socket);
  compare("wifi.session.length", running.wifi.session_length, wanted.wifi.session_length);
  compare("portal.http", running.portal.http, wanted.portal.http);
  compare("portal.https", running.portal.https, wanted.portal.https);
  compare("upstream", running.upstream, wanted.upstream);
  compare("admin.socket", running.admin.socket, wanted.admin.socket);
  compare("admin.http", running.admin.http, wanted.admin.http);
  compare("admin.password_file", running.admin.password_file, wanted.admin.password_file);
  compare("privacy.keep", running.keep, wanted.keep);
  return keys;
}

Config keep_fixed(const Config& running, Config wanted) {
  wanted.gateway.id = running.gateway.id;
  wanted.gateway.store = running.gateway.store;
  wanted.gateway.tenant = running.gateway.tenant;
  wanted.gateway.timezone = running.gateway.timezone;
  wanted.storage = running.storage;
  auto broadcast = std::move(wanted.radio.broadcast);
  wanted.radio = running.radio;
  wanted.radio.broadcast = std::move(broadcast);
  auto wifi = std::exchange(wanted.wifi, running.wifi);
  wanted.wifi.per_device_per_day = wifi.per_device_per_day;
  wanted.wifi.lan_access = wifi.lan_access;
  wanted.wifi.session_idle = wifi.session_idle;
  wanted.wifi.quota = wifi.quota;
  wanted.wifi.down_bps = wifi.down_bps;
  wanted.wifi.up_bps = wifi.up_bps;
  wanted.wifi.blocked = std::move(wifi.blocked);
  wanted.portal.http = running.portal.http;
  wanted.portal.https = running.portal.https;
  wanted.upstream = running.upstream;
  wanted.admin = running.admin;
  wanted.keep = running.keep;
  return wanted;
}

}  // namespace foyer::config
