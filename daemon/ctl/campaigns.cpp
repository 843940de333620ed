#include <fmt/format.h>

#include <memory>

#include "config/campaign_files.hpp"
#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

void show_list(const json& rows) {
  print_table(rows, {"campaign", "trigger", "state", "priority", "version", "won", "won_today", "source"});
}

void show_one(const json& one) {
  auto fields = one;
  fields.erase("model");
  fields.erase("prizes");
  print_fields(fields);
  fmt::print("\n");
  auto prizes = one.at("prizes");
  for (auto& prize : prizes) prize["odds"] = fmt::format("{:.2f} %", 100 * prize["odds"].get<double>());
  print_table(prizes, {"prize", "odds", "issued", "left"});
  fmt::print("\n{}\n", one.at("model").dump(2));
}

/// A path segment that a hostile or mistyped id cannot leave.
std::string escaped(const std::string& id) {
  std::string out;
  for (const char c : id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

int push(const Shell& shell, const std::string& file) {
  const auto text = config::campaign_json(file);
  if (text) return shell.ctl().post("/v1/campaigns", json::parse(*text), show_one);
  for (const auto& fault : text.error()) complain(to_string(fault));
  return 1;
}

void add_pause(Shell& shell, CLI::App& parent, const char* name, const char* help) {
  const auto id = std::make_shared<std::string>();
  shell
      .command(parent, name, help,
               [&shell, name, id] {
                 return shell.ctl().post("/v1/campaigns/" + escaped(*id) + "/" + name, json::object(),
                                         [](const json& j) { print_fields(j); });
               })
      ->add_option("ID", *id)
      ->required();
}

/// "12", or "<k" where fewer people than privacy.k are behind it.
std::string people(const json& stage, const json& k) {
  const auto& value = stage.is_object() ? stage.at("people") : stage;
  return value.is_null() ? "<" + cell(k) : cell(value);
}

void show_funnel(const json& stats) {
  const auto& k = stats.at("k");
  auto rows = json::array();
  for (const auto& one : stats.at("campaigns")) {
    const auto add = [&](const json& counts, const std::string& zone) {
      json row{{"campaign", one.at("campaign")}, {"zone", zone}};
      for (const auto* stage : {"shook", "won", "redeemed"}) row[stage] = people(counts.at(stage), k);
      rows.push_back(std::move(row));
    };
    add(one, "all");
    for (const auto& zone : one.at("zones")) add(zone, cell(zone.at("zone")));
  }
  print_table(rows, {"campaign", "zone", "shook", "won", "redeemed"});
}

void show_lift(const json& stats) {
  for (const auto& one : stats.at("campaigns")) {
    if (!one.contains("holdout") || one.at("holdout").at("lift").is_null()) continue;
    for (const auto& [what, lift] : one.at("holdout").at("lift").items())
      if (!lift.is_null())
        fmt::print("{}: {} {:+.1f} points against the holdout (95 %: {:+.1f} to {:+.1f})\n", cell(one.at("campaign")),
                   what, 100 * lift.at("difference").get<double>(), 100 * lift.at("low").get<double>(),
                   100 * lift.at("high").get<double>());
  }
}

void show_stats(const json& stats) {
  fmt::print("people in the last {} days; present: {}\n\n", cell(stats.at("days")),
             people(stats.at("present").at("present"), stats.at("k")));
  show_funnel(stats);
  show_lift(stats);
  if (stats.at("hours").empty()) return;
  fmt::print("\n");
  auto rows = stats.at("hours");
  for (auto& row : rows)
    for (auto& [key, value] : row.items())
      if (key != "hour" && key != "campaign") value = people(value, stats.at("k"));
  print_table(rows, {"hour", "campaign", "present", "shook", "won", "redeemed"});
}

}  // namespace

void add_campaigns(Shell& shell) {
  auto* campaign = shell.cli.add_subcommand("campaign", "What can be won");
  campaign->require_subcommand(1);
  shell.command(*campaign, "list", "All campaigns and how they stand",
                [&] { return shell.ctl().get("/v1/campaigns", show_list); });
  const auto id = std::make_shared<std::string>(), file = std::make_shared<std::string>();
  shell
      .command(*campaign, "show", "One campaign, its odds and its stock",
               [&shell, id] { return shell.ctl().get("/v1/campaigns/" + escaped(*id), show_one); })
      ->add_option("ID", *id)
      ->required();
  add_pause(shell, *campaign, "pause", "Stop a campaign at once");
  add_pause(shell, *campaign, "resume", "Let it go on");
  shell
      .command(*campaign, "push", "Put a campaign into force, or change it",
               [&shell, file] { return push(shell, *file); })
      ->add_option("FILE", *file, "YAML, or JSON by its name")
      ->required();
  const auto days = std::make_shared<int>(7);
  shell
      .command(shell.cli, "stats", "Who came, shook, won and redeemed",
               [&shell, days] { return shell.ctl().get(fmt::format("/v1/stats?days={}", *days), show_stats); })
      ->add_option("--days", *days)
      ->check(CLI::Range(1, 400));
}

}  // namespace foyer::ctl
