#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

void show_clients(const json& rows) {
  print_table(rows,
              {"mac", "ip", "way", "since", "seconds_left", "bytes_up", "bytes_down", "bytes_left", "signal_dbm"});
}

/// `name ADDRESS`: posts the address to `path`.
void add_order(Shell& shell, const char* name, const char* help, const char* path) {
  const auto address = std::make_shared<std::string>();
  shell
      .command(shell.cli, name, help,
               [&shell, path, address] {
                 return shell.ctl().post(path, {{"address", *address}}, [](const json& j) { print_fields(j); });
               })
      ->add_option("ADDRESS", *address, "IP or MAC address")
      ->required();
}

}  // namespace

void add_wifi(Shell& shell) {
  shell.command(shell.cli, "clients", "Which guests are in",
                [&] { return shell.ctl().get("/v1/clients", show_clients); });
  add_order(shell, "admit", "Let a device in", "/v1/clients/admit");
  add_order(shell, "remove", "Shut a device out", "/v1/clients/remove");
}

}  // namespace foyer::ctl
