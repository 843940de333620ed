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
using ByDay = std::map<std::int64_t, ByZone>;

/// The sum of what may be shown of each day. Days are suppressed one by one: a sum of more days less one of fewer is a
/// day, too.
struct Sum {
  Counts shown;
  bool hidden = false;
  void add(const std::optional<std::uint64_t>& people, std::uint64_t events) {
    if (!people) return void(hidden = true);
    shown.people += *people;
    shown.events += events;
  }
  /// Events follow their people: shown where those are.
  json to_json() const {
    if (hidden && shown.people == 0) return {{"people", nullptr}, {"times", nullptr}};
    return {{"people", shown.people}, {"times", shown.events}};
  }
};

/// One stage of one day: each zone and all zones together, suppressed together.
void add_day(const ByZone& day, Stage stage, std::uint64_t k, std::map<std::string, Sum>& zones, Sum& all) {
  std::vector<std::uint64_t> people;
  std::vector<Counts> counts;
  std::uint64_t events = 0;
  for (const auto& [zone, stages] : day) {
    const auto it = stages.find(stage);
    counts.push_back(it == stages.end() ? Counts{} : it->second);
    people.push_back(counts.back().people);
    events += counts.back().events;
  }
  const auto shown = campaign::suppress(people, k);
  all.add(shown.sum, events);
  std::size_t i = 0;
  for (const auto& [zone, stages] : day) {
    zones[zone].add(shown.parts[i], counts[i].events);
    ++i;
  }
}

json funnel_json(const ByDay& days, const std::vector<Stage>& stages, std::uint64_t k) {
  json out{{"zones", json::array()}};
  std::map<std::string, json> rows;
  for (const auto stage : stages) {
    std::map<std::string, Sum> zones;
    Sum all;
    for (const auto& [slot, day] : days) add_day(day, stage, k, zones, all);
    for (const auto& [zone, sum] : zones) {
      rows[zone]["zone"] = zone;
      rows[zone][std::string(name_of(stage))] = sum.to_json();
    }
    out[std::string(name_of(stage))] = all.to_json();
  }
  for (auto& [zone, row] : rows) out["zones"].push_back(std::move(row));
  return out;
}

/// A share gives its numerator away, and who is not in it: neither may be few. None is no secret; all are, for it says
/// it of each.
bool may_show(std::uint64_t part, std::uint64_t whole, std::uint64_t k) {
  return (part == 0 || part >= k) && whole - part >= k;
}

json share_json(std::uint64_t part, std::uint64_t whole, std::uint64_t k) {
  if (!may_show(part, whole, k)) return nullptr;
  const auto share = campaign::share(part, whole);
  return {{"share", share.value}, {"low", share.low}, {"high", share.high}};
}

json arm_json(const campaign::Arm& arm, std::uint64_t k) {
  return {{"people", arm.people},
          {"returned", share_json(arm.returned, arm.people, k)},
          {"bought", share_json(arm.bought, arm.people, k)}};
}

/// Of one share alone and the difference the other could be worked out.
json lift_json(std::uint64_t treated_part, std::uint64_t treated, std::uint64_t held_part, std::uint64_t held,
               std::uint64_t k) {
  if (!may_show(treated_part, treated, k) || !may_show(held_part, held, k)) return nullptr;
  const auto lift = campaign::lift(treated_part, treated, held_part, held);
  if (!lift) return nullptr;
  return {{"difference", lift->value}, {"low", lift->low}, {"high", lift->high}};
}

/// Both arms or none: of one alone the other could be guessed.
json holdout_json(const campaign::Arms& arms, std::uint64_t k) {
  const auto& [name, treated, held] = arms;
  if (treated.people < k || held.people < k) return {{"treated", nullptr}, {"held_out", nullptr}, {"lift", nullptr}};
  return {{"treated", arm_json(treated, k)},
          {"held_out", arm_json(held, k)},
          {"lift",
           {{"returned", lift_json(treated.returned, treated.people, held.returned, held.people, k)},
            {"bought", lift_json(treated.bought, treated.people, held.bought, held.people, k)}}}};
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
  std::map<std::string, ByDay> funnels;
  for (const auto& cell : statistics.cells) {
    if (cell.span != Span::day) continue;
    auto& counts = funnels[cell.campaign][cell.slot][cell.zone][cell.stage];
    counts.people += cell.people;
    counts.events += cell.events;
  }
  const auto house = funnels.extract("");
  json out{{"days", days}, {"k", k}, {"campaigns", json::array()}};
  out["present"] = funnel_json(house.empty() ? ByDay{} : house.mapped(), {Stage::present}, k);
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
