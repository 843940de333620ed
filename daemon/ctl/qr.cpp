#include <unistd.h>

#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

void add_qr(Shell& shell) {
  struct Order {
    std::string what, format = "terminal", paper = "a4", zone, ttl;
  };
  const auto order = std::make_shared<Order>();
  auto* qr = shell.command(shell.cli, "qr", "A QR picture to show or print, on standard output", [&shell, order] {
    if (order->format == "png" && ::isatty(STDOUT_FILENO) != 0) return complain("a PNG goes into a file: … > qr.png");
    json body{{"what", order->what}, {"format", order->format}, {"paper", order->paper}, {"zone", order->zone}};
    if (!order->ttl.empty()) body["ttl"] = order->ttl;
    return shell.ctl().fetch("/v1/qr", body);
  });
  qr->add_option("WHAT", order->what, "wifi: to join; poster: to join and to get in; screen: to get in now")
      ->required()
      ->check(CLI::IsMember({"wifi", "poster", "screen"}));
  qr->add_option("--format", order->format,
                 "svg, png, terminal, or html to print; of a poster svg and html are the whole sheet, png and "
                 "terminal the QR alone that lets in")
      ->check(CLI::IsMember({"svg", "png", "terminal", "html"}))
      ->capture_default_str();
  qr->add_option("--paper", order->paper, "Of the poster: a4 or a5")
      ->check(CLI::IsMember({"a4", "a5"}))
      ->capture_default_str();
  qr->add_option("--zone", order->zone, "A zone of foyer.yaml: where the code is shown");
  qr->add_option("--ttl", order->ttl, "How long the poster is good (365d)");
}

}  // namespace foyer::ctl
