#include "app/statistics.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace foyer::app {

using campaign::Cell;
using campaign::Span;
using campaign::Stage;
using nlohmann::json;

namespace {

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::present: return "present";
    case Stage::shook: return "shook";
    case Stage::won: return "won";
    case Stage::redeemed: return "redeemed";
  }
  return "present";
}

json number(const std::optional<std::uint64_t>& value) { return value ? json(*value) : json(nullptr); }

/// People by zone and stage, and of the same events.
struct Counts {
  std::uint64_t people = 0, events = 0;
};
using ByZone = std::map<std::string, std::map<Stage, Counts>>;

/// Each stage over all zones with its sum, suppressed together. Events follow their people: shown where those are.
json funnel_json(const ByZone& zones, const std::vector<Stage>& stages, std::uint64_t k) {
  json out{{"zones", json::array()}};
  std::map<std::string, json> rows;
  for (const auto& [zone, counts] : zones) rows[zone] = {{"zone", zone}};
  for (const auto stage : stages) {
    std::vector<std::uint64_t> people;
    std::uint64_t events = 0;
    for (const auto& [zone, counts] : zones) {
      const auto it = counts.find(stage);
      people.push_back(it == counts.end() ? 0 : it->second.people);
      events += it == counts.end() ? 0 : it->second.events;
    }
    const auto shown = campaign::suppress(people, k);
    std::size_t i = 0;
    for (const auto& [zone, counts] : zones) {
      const auto it = counts.find(stage);
      const bool seen = shown.parts[i].has_value();
      rows[zone][std::string(name_of(stage))] = {
          {"people", number(shown.parts[i++])},
          {"times", seen ? json(it == counts.end() ? 0 : it->second.events) : json(nullptr)}};
    }
    out[std::string(name_of(stage))] = {{"people", number(shown.sum)},
                                        {"times", shown.sum ? json(events) : json(nullptr)}};
  }
  for (auto& [zone, row] : rows) out["zones"].push_back(std::move(row));
  return out;
}

json share_json(const campaign::Share& share) {
  return {{"share", share.value}, {"low", share.low}, {"high", share.high}};
}

json arm_json(const campaign::Arm& arm) {
  return {{"people", arm.people},
          {"returned", share_json(campaign::share(arm.returned, arm.people))},
          {"bought", share_json(campaign::share(arm.bought, arm.people))}};
}

json lift_json(std::uint64_t treated_part, std::uint64_t treated, std::uint64_t held_part, std::uint64_t held) {
  const auto lift = campaign::lift(treated_part, treated, held_part, held);
  if (!lift) return nullptr;
  return {{"difference", lift->value}, {"low", lift->low}, {"high", lift->high}};
}

/// Both arms or none: of one alone the other could be guessed.
json holdout_json(const campaign::Arms& arms, std::uint64_t k) {
  const auto& [name, treated, held] = arms;
  if (treated.people < k || held.people < k) return {{"treated", nullptr}, {"held_out", nullptr}, {"lift", nullptr}};
  return {{"treated", arm_json(treated)},
          {"held_out", arm_json(held)},
          {"lift",
           {{"returned", lift_json(treated.returned, treated.people, held.returned, held.people)},
            {"bought", lift_json(treated.bought, treated.people, held.bought, held.people)}}}};
}

std::string hour_text(std::int64_t slot, const campaign::ZoneTime& zone) {
  const auto local = zone.local(WallTime{std::chrono::hours{slot}});
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}", static_cast<int>(local.day.year()),
                     static_cast<unsigned>(local.day.month()), static_cast<unsigned>(local.day.day()),
                     local.minute / 60, local.minute % 60);
}

/// One row an hour and campaign, all zones together.
json hours_json(const std::vector<Cell>& cells, std::uint64_t k, const campaign::ZoneTime& zone) {
  std::map<std::pair<std::int64_t, std::string>, std::map<Stage, std::uint64_t>> rows;
  for (const auto& cell : cells)
    if (cell.span == Span::hour) rows[{cell.slot, cell.campaign}][cell.stage] += cell.people;
  auto out = json::array();
  for (const auto& [key, stages] : rows) {
    json row{{"hour", hour_text(key.first, zone)}};
    if (!key.second.empty()) row["campaign"] = key.second;
    for (const auto& [stage, people] : stages)
      row[std::string(name_of(stage))] = number(campaign::suppress({people}, k).sum);
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

std::string statistics_json(const ledger::Ledger::Statistics& statistics, int days, std::uint64_t k,
                            const campaign::ZoneTime& zone) {
  std::map<std::string, ByZone> funnels;
  for (const auto& cell : statistics.cells) {
    if (cell.span != Span::day) continue;
    auto& counts = funnels[cell.campaign][cell.zone][cell.stage];
    counts.people += cell.people;
    counts.events += cell.events;
  }
  const auto house = funnels.extract("");
  json out{{"days", days}, {"k", k}, {"campaigns", json::array()}};
  out["present"] = funnel_json(house.empty() ? ByZone{} : house.mapped(), {Stage::present}, k);
  std::map<std::string, const campaign::Arms*> arms;
  for (const auto& one : statistics.arms) {
    arms[one.campaign] = &one;
    funnels.try_emplace(one.campaign);
  }
  for (const auto& [id, zones] : funnels) {
    auto row = funnel_json(zones, {Stage::shook, Stage::won, Stage::redeemed}, k);
    row["campaign"] = id;
    if (const auto it = arms.find(id); it != arms.end()) row["holdout"] = holdout_json(*it->second, k);
    out["campaigns"].push_back(std::move(row));
  }
  out["hours"] = hours_json(statistics.cells, k, zone);
  return out.dump();
}

}  // namespace foyer::app
