#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "beacon/decode.hpp"
#include "config/config.hpp"
#include "config/render.hpp"
#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

int decode() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto decoded = beacon::decode_line(line);
    if (!decoded) {
      fmt::print("{}\n", json{{"frames", json::array()}, {"error", decoded.error().message}}.dump());
      continue;
    }
    fmt::print("{}\n", *decoded);
  }
  return 0;
}

int render(const std::string& what, const std::string& path) {
  const auto config = config::read_config(path);
  if (!config) {
    for (const auto& fault : config.error()) fmt::print(stderr, "{}\n", to_string(fault));
    return 78;
  }
  const auto text = config::render(what, *config);
  if (!text) return complain(text.error().message);
  fmt::print("{}", *text);
  return 0;
}

}  // namespace

void add_offline(Shell& shell) {
  shell.command(shell.cli, "decode", "Hex advertising data on standard input → JSON, a line each", decode);
  struct Order {
    std::string what, path = "/etc/foyer/foyer.yaml";
  };
  const auto order = std::make_shared<Order>();
  auto* rendered = shell.command(shell.cli, "render", "Configuration for a neighbour, from foyer.yaml",
                                 [order] { return render(order->what, order->path); });
  rendered->add_option("WHAT", order->what, "hostapd or dnsmasq")
      ->required()
      ->check(CLI::IsMember({"hostapd", "dnsmasq"}));
  rendered->add_option("--config", order->path, "foyer.yaml")->capture_default_str();
}

}  // namespace foyer::ctl
