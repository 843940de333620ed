#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "beacon/decode.hpp"
#include "config/config.hpp"
#include "config/render.hpp"
#include "ctl/commands.hpp"
#include "version.hpp"

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

/// Written whole beside it and renamed, and only when it differs: who watches the file is woken by real changes alone.
/// `changed`: 1 where nothing did, so that a service manager goes no further.
int write_changed(const std::string& path, const std::string& text, bool changed) {
  std::ifstream old(path, std::ios::binary);
  const std::string before{std::istreambuf_iterator<char>(old), std::istreambuf_iterator<char>()};
  if (old.is_open() && before == text) return changed ? 1 : 0;
  const auto aside = path + ".new";
  // A Wi-Fi password may stand in it.
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return complain(fmt::format("{}: {}", aside, std::strerror(errno)));
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  if (!written || std::rename(aside.c_str(), path.c_str()) != 0)
    return complain(fmt::format("{}: {}", path, std::strerror(errno)));
  return 0;
}

struct Order {
  std::string what, path = "/etc/foyer/foyer.yaml", output;
  bool changed = false;
};

int render(const Order& order) {
  const auto config = config::read_config(order.path);
  if (!config) {
    for (const auto& fault : config.error()) fmt::print(stderr, "{}\n", to_string(fault));
    return 78;
  }
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto text = config::render(order.what, *config, now, from_unix_ms(kBuildEpoch * 1000));
  if (!text) return complain(text.error().message);
  if (!order.output.empty()) return write_changed(order.output, *text, order.changed);
  fmt::print("{}", *text);
  return 0;
}

}  // namespace

void add_offline(Shell& shell) {
  shell.command(shell.cli, "decode", "Hex advertising data on standard input → JSON, a line each", decode);
  const auto order = std::make_shared<Order>();
  auto* rendered = shell.command(shell.cli, "render", "Configuration for a neighbour, from foyer.yaml",
                                 [order] { return render(*order); });
  rendered->add_option("WHAT", order->what, "hostapd, dnsmasq, bluetooth or nftables")
      ->required()
      ->check(CLI::IsMember({"hostapd", "dnsmasq", "bluetooth", "nftables"}));
  rendered->add_option("--output", order->output, "Write this file, mode 0600, if it would change (standard output)");
  rendered->add_flag("--changed", order->changed, "With --output: exit status 1 where nothing changed");
  rendered->add_option("--config", order->path, "foyer.yaml")->capture_default_str();
}

}  // namespace foyer::ctl
