#include <fmt/format.h>

#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

void add_tokens(Shell& shell) {
  struct Order {
    std::string kind = "screen", zone, ttl;
    bool display = false;
  };
  const auto order = std::make_shared<Order>();
  auto* token = shell.cli.add_subcommand("token", "Tokens for QR codes");
  token->require_subcommand(1);
  auto* mint = shell.command(*token, "mint", "Sign a token and print its link", [&shell, order] {
    if (order->display && (order->kind != "screen" || order->zone.empty()))
      return complain("--display: a display shows the screen token of one zone: --kind screen --zone Z");
    json body{{"kind", order->kind}};
    if (!order->zone.empty()) body["zone"] = order->zone;
    if (!order->ttl.empty()) body["ttl"] = order->ttl;
    return shell.ctl().post("/v1/tokens", body, [order](const json& minted) {
      fmt::print("{}\n", cell(minted[order->display ? "display" : "url"]));
    });
  });
  shell.command(*token, "rotate", "Sign with a new key from now on; what is out stays good until it ends", [&shell] {
    return shell.ctl().post("/v1/tokens/rotate", json::object(), [](const json& keys) {
      fmt::print("key {} signs from now on\n", cell(keys["key"]));
      print_table(keys["previous"], {"key", "until"});
    });
  });
  mint->add_option("--kind", order->kind, "poster, screen, receipt or staff")->capture_default_str();
  mint->add_option("--zone", order->zone, "A zone of foyer.yaml");
  mint->add_flag("--display", order->display, "Print the link for a display in that zone instead of the token's");
  mint->add_option("--ttl", order->ttl, "How long it is good: 30m, 12h, 7d");
}

}  // namespace foyer::ctl
