#include "config/config.hpp"

namespace foyer::config {

std::vector<std::string> without_effect(const Config& config) {
  const Config usual;
  std::vector<std::string> keys;
  const auto set = [&](const char* key, bool differs) {
    if (differs) keys.emplace_back(key);
  };
  set("radio.scan.tap", config.radio.tap);
  set("shoppers", config.shoppers.has_value());
  set("wifi.walled_garden", !config.wifi.walled_garden.empty());
  set("privacy.mode", config.privacy != usual.privacy);
  set("privacy.k", config.privacy_k != usual.privacy_k);
  set("brand.logo", !config.brand.logo.empty());
  return keys;
}

}  // namespace foyer::config
