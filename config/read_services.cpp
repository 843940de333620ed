#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.hpp"
#include "config/sections.hpp"

namespace foyer::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostTerms = 20'000;
constexpr std::size_t kMostHosts = 32;
constexpr std::size_t kMostUser = 256;
constexpr std::size_t kMostTills = 256;
constexpr std::int64_t kMostRate = 1'000'000;

void read_https(const Value& value, Https& https) {
  const auto map = section(value, "portal.https");
  if (!map) return;
  read_matching(*map, "listen", https.listen, is_listen, kListenWanted);
  map->require("host");
  read_matching(*map, "host", https.host, is_host_name, "the host name of the certificate like gw-01.shops.example");
  map->require("certificate");
  read_named_secret(*map, "certificate", https.certificate);
  map->require("key");
  read_named_secret(*map, "key", https.key);
}

/// One `name:64-hex` a line; nothing of a bad line is repeated, it may be a key.
void check_keys(const Value& file, std::string_view content, std::string_view form) {
  std::size_t line = 0, keys = 0;
  while (!content.empty()) {
    const auto end = std::min(content.find('\n'), content.size());
    const auto text = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    ++line;
    if (text.empty() || text[0] == '#') continue;
    const auto colon = text.find(':');
    const auto digest = colon == std::string_view::npos ? std::nullopt : from_hex(text.substr(colon + 1));
    if (colon == 0 || !digest || digest->size() != 32)
      return file.fault(fmt::format("line {} must be {}, 64 hex digits after the colon", line, form));
    if (++keys > kMostTills) return file.fault(fmt::format("has more than {} keys", kMostTills));
  }
}

void read_tls(const Value& value, Upstream& upstream) {
  upstream.tls = true;
  const auto map = section(value, "upstream.mqtt.tls");
  if (!map) return;
  read_named_secret(*map, "ca", upstream.ca);
  read_named_secret(*map, "certificate", upstream.certificate);
  read_named_secret(*map, "key", upstream.key);
  if (map->find("certificate") && !map->find("key")) map->find("certificate")->fault("needs a key");
  if (map->find("key") && !map->find("certificate")) map->find("key")->fault("needs a certificate");
}

void read_mqtt(const Value& value, Upstream& upstream) {
  const auto map = section(value, "upstream.mqtt");
  if (!map) return;
  map->require("host");
  read_matching(*map, "host", upstream.host, is_host, "a host name like mqtt.example.com or an address");
  if (const auto tls = map->find("tls")) read_tls(*tls, upstream);
  upstream.port = upstream.tls ? 8883 : 1883;
  map->read("port", upstream.port, &Value::number, 1, 65535);
  map->read("username", upstream.username, &Value::text, kMostUser);
  read_named_secret(*map, "password_file", upstream.password_file);
  if (map->find("password_file") && !map->find("username")) map->find("password_file")->fault("needs a username");
  map->read("keepalive", upstream.keepalive, &Value::seconds, 5s, 65535s);  // mosquitto refuses less than 5
}

void read_consent(const Value& value, Portal& portal) {
  const auto map = section(value, "portal.consent");
  if (!map) return;
  map->read("required", portal.consent_required, &Value::flag);
  map->read("terms", portal.terms, &Value::texts, kMostTerms);
}

}  // namespace

void read_portal(const Value& value, Portal& portal) {
  const auto map = section(value, "portal");
  if (!map) return;
  read_matching(*map, "http", portal.http, is_listen, kListenWanted);
  if (const auto https = map->find("https")) read_https(*https, portal.https.emplace());
  if (const auto hosts = map->find("hosts"))
    for (const auto& item : hosts->list(0, kMostHosts).value_or(std::vector<Value>{}))
      if (const auto host = matching(item, is_host, "a host name or an address, without a port"))
        portal.hosts.push_back(*host);
  map->read("screen_rotation", portal.screen_rotation, &Value::seconds, 1s, 1h);
  if (const auto consent = map->find("consent")) read_consent(*consent, portal);
  if (const auto limits = map->find("limits")) {
    if (const auto rates = section(*limits, "portal.limits")) {
      rates->read("draws", portal.draws_per_minute, &Value::number, 1, kMostRate);
      rates->read("redeems", portal.redeems_per_minute, &Value::number, 1, kMostRate);
    }
  }
}

void read_pos(const Value& value, Config& config) {
  const auto map = section(value, "pos");
  if (!map) return;
  map->require("keys_file");
  if (const auto content = read_named_secret(*map, "keys_file", config.pos_keys_file))
    check_keys(*map->find("keys_file"), *content, "name:sha256-of-key");
  if (const auto content = read_named_secret(*map, "chain_keys_file", config.chain_keys_file))
    check_keys(*map->find("chain_keys_file"), *content, "store:public-key");
}

void read_upstream(const Value& value, Upstream& upstream) {
  const auto map = section(value, "upstream");
  if (!map) return;
  if (const auto mqtt = map->require("mqtt")) read_mqtt(*mqtt, upstream);
  map->choose<Acknowledge>("acknowledge", upstream.acknowledge,
                           {{"broker", Acknowledge::broker}, {"application", Acknowledge::application}});
}

void read_admin(const Value& value, Admin& admin) {
  const auto map = section(value, "admin");
  if (!map) return;
  map->read("socket", admin.socket, &Value::text, kMostSocketPath);
  read_matching(*map, "http", admin.http, is_listen, kListenWanted);
  const auto password = read_named_secret(*map, "password_file", admin.password_file);
  if (password && password->empty()) map->find("password_file")->fault("must hold a password, not nothing");
}

}  // namespace foyer::config
