#include "app/settings.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sync/envelope.hpp"

namespace foyer::app {

namespace {

sync::Identity identity(const config::Config& config, const std::string& epoch) {
  return {config.gateway.tenant, config.gateway.store, config.gateway.id, epoch};
}

/// `name:hex` lines without the comments.
std::vector<std::pair<std::string, std::string>> named_lines(const std::string& file) {
  std::vector<std::pair<std::string, std::string>> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    lines.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  return lines;
}

/// `name:sha256-of-key` a line (docs/configuration.md); config has refused a malformed file already.
std::vector<portal::PosKey> pos_keys(const std::string& file) {
  std::vector<portal::PosKey> keys;
  for (const auto& [name, hex] : named_lines(file)) {
    const auto hash = from_hex(hex);
    if (!hash || hash->size() != sizeof(Digest)) continue;
    portal::PosKey key{name, {}};
    std::copy(hash->begin(), hash->end(), key.sha256.begin());
    keys.push_back(std::move(key));
  }
  return keys;
}

/// `store:public-key` a line; config has refused a malformed file already.
std::vector<campaign::ShopKey> chain_keys(const std::string& file) {
  std::vector<campaign::ShopKey> keys;
  for (const auto& [name, hex] : named_lines(file)) {
    const auto raw = from_hex(hex);
    if (!raw || raw->size() != sizeof(PublicKey)) continue;
    campaign::ShopKey key{name, {}};
    std::copy(raw->begin(), raw->end(), key.key.begin());
    keys.push_back(std::move(key));
  }
  return keys;
}

/// As a Host header is compared: lower case, an address in its one canonical form.
std::string lower(std::string host) {
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto ip = parse_ip(host);
  return ip ? to_string(*ip) : host;
}

bool simulated(const config::Config& config) { return config.wifi.gate == config::GateDriver::sim; }

}  // namespace

ZoneTimes zone_times(const config::Config& config, const std::string& zone) {
  for (const auto& one : config.zones)
    if (one.id == zone) return {one.dwell, one.exit_after};
  return {};
}

ledger::Settings ledger_settings(const config::Config& config, const Secrets& secrets, const Surroundings& surroundings,
                                 const ports::Clock& clock) {
  ledger::Settings settings;
  settings.path = config.storage.path;
  settings.max_bytes = config.storage.max_size;
  settings.gateway = config.gateway.id;
  settings.store = config.gateway.store;
  settings.timezone = config.gateway.timezone;
  settings.group = config.storage.commit_group;
  settings.holdout_key = secrets.holdout;
  settings.keep = {config.keep.coupons, config.keep.sales, config.keep.prizes, config.keep.consents};
  settings.random = kernel_random;
  settings.wall = [&clock] { return clock.wall(); };
  settings.mono = [&clock] { return clock.mono(); };
  settings.boot_id = surroundings.boot_id;
  settings.build_date = surroundings.build_date;
  settings.synchronised = surroundings.synchronised;
  return settings;
}

ports::GatePolicy gate_policy(const config::Config& config, std::uint16_t http_port, std::uint16_t https_port) {
  const auto& wifi = config.wifi;
  return {wifi.interface, wifi.uplink,   wifi.address, http_port,   https_port, wifi.lan_access, {},
          wifi.quota,     wifi.down_bps, wifi.up_bps,  wifi.blocked};
}

Guests::Limits guest_limits(const config::Config& config) {
  return {config.wifi.session_idle, config.wifi.quota, config.wifi.blocked};
}

std::string portal_url(const config::Config& config, std::uint16_t http_port) {
  if (config.portal.https) return "https://" + config.portal.https->host;
  if (simulated(config)) return fmt::format("http://127.0.0.1:{}", http_port);
  return "http://" + to_string(config.wifi.address.address);
}

SignatureSeed coupon_seed(const Secrets& secrets) {
  SignatureSeed seed{};
  std::copy_n(secrets.coupons.begin(), std::min(secrets.coupons.size(), seed.size()), seed.begin());
  return seed;
}

portal::Settings portal_settings(const config::Config& config, const Secrets& secrets, std::uint16_t http_port) {
  portal::Settings settings;
  settings.gateway = config.gateway.id;
  settings.store = config.gateway.store;
  settings.languages = config.gateway.languages;
  settings.brand = config.brand.name;
  settings.accent = config.brand.accent;
  settings.logo = logo_of(config);
  for (const auto& zone : config.zones) settings.zones.push_back({zone.id, zone.name});
  if (auto zone = campaign::ZoneTime::load(config.gateway.timezone)) settings.timezone = *zone;
  for (const auto& host : config.portal.hosts) settings.own_hosts.push_back(lower(host));
  if (config.portal.https) settings.own_hosts.push_back(lower(config.portal.https->host));
  settings.own_hosts.push_back(to_string(config.wifi.address.address));
  settings.own_loopback = simulated(config);
  settings.redirect = portal_url(config, http_port) + "/";
  settings.https = config.portal.https.has_value();
  settings.consent_required = config.portal.consent_required;
  settings.terms = config.portal.terms;
  settings.session_length = config.wifi.session_length;
  settings.per_device_per_day = config.wifi.per_device_per_day;
  settings.screen_rotation = config.portal.screen_rotation;
  settings.draws_per_minute = config.portal.draws_per_minute;
  settings.redeems_per_minute = config.portal.redeems_per_minute;
  if (!config.pos_keys_file.empty()) settings.pos_keys = pos_keys(config.pos_keys_file);
  if (!config.chain_keys_file.empty()) settings.shop_keys = chain_keys(config.chain_keys_file);
  settings.coupon_seed = coupon_seed(secrets);
  // Ours first, whatever a list says of us.
  settings.shop_keys.insert(settings.shop_keys.begin(), {config.gateway.store, public_key_of(settings.coupon_seed)});
  return settings;
}

sync::Settings uplink_settings(const config::Config& config, const ledger::Ledger& ledger,
                               const Surroundings& surroundings, const ports::Clock& clock) {
  sync::Settings settings;
  settings.identity = identity(config, ledger.epoch());
  settings.acknowledge = config.upstream->acknowledge == config::Acknowledge::broker ? sync::Acknowledge::broker
                                                                                     : sync::Acknowledge::application;
  settings.version = surroundings.version;
  settings.since = to_rfc3339(clock.wall());
  return settings;
}

std::shared_ptr<const portal::Logo> logo_of(const config::Config& config) {
  if (config.brand.logo.empty()) return nullptr;
  std::ifstream file(config.brand.logo, std::ios::binary);
  std::string content(portal::kMostLogo + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  return portal::read_logo(std::move(content));
}

Result<std::optional<Digest>> admin_password(const config::Config& config) {
  if (config.admin.password_file.empty()) return std::optional<Digest>{};
  const auto secret = config::read_secret(config.admin.password_file);
  if (!secret) return fail(secret);
  return std::optional<Digest>{sha256(as_bytes(*secret))};
}

std::string sse_text(const StoredEvent& event, const config::Config& config, const std::string& epoch) {
  const auto who = identity(config, epoch);
  return fmt::format("id: {}/{}/{}/{}\nevent: foyer.{}.v1\ndata: {}\n\n", who.gateway, epoch,
                     to_string(event.event.stream), event.seq, event.event.type, sync::to_cloudevent(event, who));
}

}  // namespace foyer::app
