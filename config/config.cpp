#include "config/config.hpp"

#include "config/campaign_files.hpp"
#include "config/sections.hpp"

namespace foyer::config {
namespace {

constexpr std::string_view kGuestNetwork = "10.77.0.1/20";

template <class T>
void read_optional(const Fields& root, std::string_view key, void (*read)(const Value&, T&), std::optional<T>& out) {
  if (const auto value = root.find(key)) read(*value, out.emplace());
}

template <class T>
void read_part(const Fields& root, std::string_view key, void (*read)(const Value&, T&), T& out) {
  if (const auto value = root.find(key)) read(*value, out);
}

void read_sections(const Fields& root, Config& config) {
  if (const auto gateway = root.require("gateway")) read_gateway(*gateway, config.gateway);
  config.brand.name = {{"en", config.gateway.store}};
  read_part(root, "brand", read_brand, config.brand);
  read_part(root, "storage", read_storage, config.storage);
  read_part(root, "radio", read_radio, config.radio);
  read_part(root, "zones", read_zones, config.zones);
  read_optional(root, "shoppers", read_shoppers, config.shoppers);
  read_part(root, "tags", read_tags, config.tags);
  read_part(root, "wifi", read_wifi, config.wifi);
  read_part(root, "portal", read_portal, config.portal);
  read_part(root, "pos", read_pos, config);
  read_optional(root, "upstream", read_upstream, config.upstream);
  read_part(root, "promotions", read_promotions, config.promotions);
  root.read("campaigns", config.campaigns, &Value::text, kMostPath);
  read_part(root, "admin", read_admin, config.admin);
  read_part(root, "privacy", read_privacy, config);
}

}  // namespace

tl::expected<Config, Faults> parse_config(const std::string& text, const std::string& file) {
  const auto document = parse_yaml(text, file);
  if (!document) return tl::make_unexpected(document.error());
  FaultLog log(file, PathStyle::dotted);
  Config config;
  config.wifi.address = *parse_prefix(kGuestNetwork);
  if (const auto root = section(Value(*document, "", log), "")) {
    read_sections(*root, config);
    check_together(*root, config);
  }
  if (!log.empty()) return tl::make_unexpected(log.take());
  return config;
}

tl::expected<Config, Faults> read_config(const std::string& path) {
  const auto text = read_file(path, kMostFileBytes);
  if (!text) return tl::make_unexpected(Faults{{path, 0, 0, "", "cannot be read: " + text.error().message}});
  return parse_config(*text, path);
}

}  // namespace foyer::config
