#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

void show_clients(const json& rows) {
  print_table(rows,
              {"mac", "ip", "way", "since", "seconds_left", "bytes_up", "bytes_down", "bytes_left", "signal_dbm"});
}

void add_admission(Shell& shell) {
  const auto address = std::make_shared<std::string>();
  shell
      .command(shell.cli, "admit", "Let a device in; one that is kept out too",
               [&shell, address] {
                 return shell.ctl().post("/v1/clients/admit", {{"address", *address}},
                                         [](const json& j) { print_fields(j); });
               })
      ->add_option("ADDRESS", *address, "IP or MAC address")
      ->required();
}

void add_removal(Shell& shell) {
  struct Order {
    std::string address, time;
  };
  const auto order = std::make_shared<Order>();
  auto* command = shell.command(shell.cli, "remove", "Shut a device out", [&shell, order] {
    json body{{"address", order->address}};
    if (!order->time.empty()) body["for"] = order->time;
    return shell.ctl().post("/v1/clients/remove", body, [](const json& j) { print_fields(j); });
  });
  command->add_option("ADDRESS", order->address, "IP or MAC address")->required();
  command->add_option("--for", order->time, "keep it out for so long, like 1h, 31d at most (else it may come back)");
}

}  // namespace

void add_wifi(Shell& shell) {
  shell.command(shell.cli, "clients", "Which guests are in",
                [&] { return shell.ctl().get("/v1/clients", show_clients); });
  add_admission(shell);
  add_removal(shell);
}

}  // namespace foyer::ctl
