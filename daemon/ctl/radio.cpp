#include <fmt/format.h>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

void show_radio(const json& radio) {
  fmt::print("up {}  mode {}  {}\n", cell(radio["up"]), cell(radio["mode"]), cell(radio["reason"]));
  print_table(radio["adapters"], {"name", "address", "powered", "scanning", "adverts"});
  print_table(radio["broadcasts"], {"identifier", "adapter", "state", "error"});
}

void show_presence(const json& rows) {
  print_table(rows, {"zone", "identifier", "visit", "since_s", "rssi", "dwelled"});
}

}  // namespace

void add_radio(Shell& shell) {
  shell.command(shell.cli, "radio", "Adapters and broadcasts",
                [&] { return shell.ctl().get("/v1/radio", show_radio); });
  shell.command(shell.cli, "presence", "Which beacons are here",
                [&] { return shell.ctl().get("/v1/presence", show_presence); });
}

}  // namespace foyer::ctl
