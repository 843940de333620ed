#include <fmt/format.h>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

void show_outbox(const json& outbox) {
  auto rows = json::array();
  for (const auto& [name, stream] : outbox["streams"].items()) {
    auto row = stream;
    row["stream"] = name;
    rows.push_back(row);
  }
  fmt::print("epoch {}  connected {}  window {}  of it for a backlog {}  full {}  {}\n", cell(outbox["epoch"]),
             cell(outbox["connected"]), cell(outbox.value("window", json())),
             cell(outbox.value("backlog_window", json())), cell(outbox.value("full", json())),
             outbox.contains("last_error") ? cell(outbox["last_error"]) : "");
  print_table(rows, {"stream", "rows", "bytes", "oldest", "last_seq", "sent", "in_flight", "acknowledged",
                     "acknowledged_at", "refused", "resent", "dropped"});
}

}  // namespace

void add_house(Shell& shell) {
  shell.command(shell.cli, "status", "The house at a glance",
                [&] { return shell.ctl().get("/v1/status", [](const json& j) { print_fields(j); }); });
  shell.command(shell.cli, "outbox", "What waits to go upstream",
                [&] { return shell.ctl().get("/v1/outbox", show_outbox); });
  auto* events = shell.command(shell.cli, "events", "Events as they are stored, from now on",
                               [&] { return shell.ctl().follow(); });
  events->add_flag("--follow")->description("Go on until interrupted (it always does)");
}

}  // namespace foyer::ctl
