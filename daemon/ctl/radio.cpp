#include <fmt/format.h>

#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

void show_radio(const json& radio) {
  fmt::print("up {}  mode {}  source {}  {}\n", cell(radio["up"]), cell(radio["mode"]), cell(radio["source"]),
             cell(radio["reason"]));
  fmt::print("deaf {:.0f} s  last rung {}  tried:", radio["deaf_s"].get<double>(), cell(radio["rung"]));
  for (const auto& [rung, times] : radio["rungs"].items()) fmt::print(" {} {}", rung, cell(times));
  const auto& adverts = radio["adverts"];
  fmt::print("\nadverts: heard {}  frames {}  malformed {}  coalesced {}  dropped {}  missing {}  unresolved {}\n",
             cell(adverts["heard"]), cell(adverts["decoded"]), cell(adverts["malformed"]), cell(radio["coalesced"]),
             cell(radio["dropped"]), cell(adverts["missing"]), cell(adverts["unresolved"]));
  print_table(radio["adapters"], {"name", "address", "powered", "scanning", "adverts", "rate"});
  print_table(radio["broadcasts"], {"identifier", "adapter", "state", "error"});
}

void show_presence(const json& rows) {
  print_table(rows, {"zone", "kind", "identifier", "visit", "since_s", "rssi", "distance_m", "interval_ms", "dwelled",
                     "suspect"});
}

void show_hours(const json& rows) { print_table(rows, {"from", "zone", "shoppers", "k"}); }

}  // namespace

void add_radio(Shell& shell) {
  shell.command(shell.cli, "radio", "Adapters and broadcasts",
                [&] { return shell.ctl().get("/v1/radio", show_radio); });
  auto hours = std::make_shared<bool>(false);
  auto* presence = shell.command(shell.cli, "presence", "Who is in which zone", [&shell, hours] {
    return *hours ? shell.ctl().get("/v1/presence/hours", show_hours) : shell.ctl().get("/v1/presence", show_presence);
  });
  presence->add_flag("--hours", *hours, "How many shoppers were, by hour; nothing below privacy.k");
}

}  // namespace foyer::ctl
