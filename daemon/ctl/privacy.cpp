#include <fmt/format.h>

#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

void add_privacy(Shell& shell) {
  const auto subject = std::make_shared<std::string>();
  const auto with_subject = [&](CLI::App* command) {
    command->add_option("--subject", *subject, "The name events carry for a person's device")->required();
  };
  with_subject(shell.command(shell.cli, "export", "All that is stored of somebody, as JSON", [&shell, subject] {
    return shell.ctl().post("/v1/subjects/export", {{"subject", *subject}},
                            [](const json& all) { fmt::print("{}\n", all.dump(2)); });
  }));
  with_subject(shell.command(shell.cli, "erase", "Remove somebody; the accounts keep their sums", [&shell, subject] {
    return shell.ctl().post("/v1/subjects/erase", {{"subject", *subject}},
                            [](const json& erased) { print_fields(erased); });
  }));
}

}  // namespace foyer::ctl
