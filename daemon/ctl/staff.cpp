#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

struct Member {
  std::string name, role = "cashier";
  bool ask_pin = false;
};

int add(Shell& shell, const Member& member) {
  json body{{"name", member.name}, {"role", member.role}};
  if (member.ask_pin) {
    std::string pin;
    std::getline(std::cin, pin);
    if (pin.empty()) return complain("a PIN is expected on standard input");
    body["pin"] = pin;
  }
  return shell.ctl().post("/v1/staff", body, [](const json& added) {
    if (added.contains("pin"))
      fmt::print("{} may log in at /staff with the PIN {} (shown once)\n", cell(added["name"]), cell(added["pin"]));
    else
      fmt::print("{} may log in at /staff\n", cell(added["name"]));
  });
}

}  // namespace

void add_staff(Shell& shell) {
  const auto member = std::make_shared<Member>();
  auto* staff = shell.cli.add_subcommand("staff", "Who may work at /staff");
  staff->require_subcommand(1);
  auto* added = shell.command(*staff, "add", "Let somebody log in, or give them another PIN",
                              [&shell, member] { return add(shell, *member); });
  added->add_option("NAME", member->name)->required();
  added->add_option("--role", member->role, "cashier, or manager who may void")->capture_default_str();
  added->add_flag("--pin-stdin", member->ask_pin, "Take the PIN from standard input; else one is made");
  shell.command(*staff, "list", "Who they are", [&shell] {
    return shell.ctl().get("/v1/staff", [](const json& rows) {
      print_table(rows, {"name", "role", "added", "failures", "locked_until"});
    });
  });
  shell
      .command(*staff, "remove", "Lock somebody out",
               [&shell, member] {
                 return shell.ctl().post("/v1/staff/remove", {{"name", member->name}},
                                         [](const json& removed) { print_fields(removed); });
               })
      ->add_option("NAME", member->name)
      ->required();
}

}  // namespace foyer::ctl
