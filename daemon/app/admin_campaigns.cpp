#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/admin.hpp"
#include "app/patience.hpp"
#include "app/statistics.hpp"
#include "campaign/draw.hpp"
#include "campaign/reader.hpp"

namespace foyer::app {

using campaign::CampaignState;
using campaign::PrizeKind;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

std::string_view standing(const CampaignState& state, const campaign::Moment& moment) {
  const auto& schedule = state.campaign.schedule;
  if (state.campaign.paused) return "paused";
  if (campaign::is_over(schedule, moment)) return "over";
  return schedule.from && moment.local.day < *schedule.from ? "waiting" : "running";
}

std::optional<std::uint32_t> stock_of(const campaign::Prize& prize) {
  if (prize.kind == PrizeKind::red_packet) return std::min(prize.stock.value_or(prize.count), prize.count);
  return prize.stock;
}

json prizes_json(const CampaignState& state) {
  std::uint64_t weights = 0;
  for (const auto& prize : state.campaign.prizes) weights += prize.weight;
  auto rows = json::array();
  for (const auto& prize : state.campaign.prizes) {
    const auto it = state.issued.find(prize.id);
    const auto issued = it == state.issued.end() ? 0u : it->second;
    json row{{"prize", prize.id},
             {"odds", weights == 0 ? 0.0 : static_cast<double>(prize.weight) / static_cast<double>(weights)},
             {"issued", issued}};
    const auto stock = stock_of(prize);
    row["left"] = stock ? json(*stock - std::min(issued, *stock)) : json(nullptr);
    rows.push_back(std::move(row));
  }
  return rows;
}

json state_json(const CampaignState& state, const campaign::Moment& moment) {
  const auto& campaign = state.campaign;
  return {{"campaign", campaign.id},          {"title", campaign.title},       {"trigger", to_string(campaign.trigger)},
          {"state", standing(state, moment)}, {"priority", campaign.priority}, {"source", state.source},
          {"version", state.version},         {"started", state.started},      {"won", state.won},
          {"won_today", state.won_today},     {"prizes", prizes_json(state)}};
}

std::string texts(const Faults& faults) {
  std::string all;
  for (const auto& fault : faults) all += (all.empty() ? "" : "\n") + to_string(fault);
  return all;
}

}  // namespace

Result<std::string> Admin::campaigns_json() {
  const auto config = core_.box.ask([this] { return core_.config(); }, kCore);
  if (!config) return fail(config);
  const auto zone = campaign::ZoneTime::load(config->gateway.timezone);
  if (!zone) return fail(zone);
  const auto states = ledger_.campaign_states(kLedger);
  if (!states) return fail(states);
  const auto moment = campaign::Moment::at(clock_.wall(), true, *zone);
  auto rows = json::array();
  for (const auto& state : *states) rows.push_back(state_json(state, moment));
  return rows.dump();
}

Result<std::string> Admin::campaign_json(const std::string& id) {
  auto list = campaigns_json();
  if (!list) return list;
  const auto all = ledger_.campaigns(kLedger);
  if (!all) return fail(all);
  const auto found = std::ranges::find(*all, id, &campaign::Campaign::id);
  for (auto& row : json::parse(*list))
    if (found != all->end() && row["campaign"] == id) {
      row["model"] = json::parse(campaign::to_json(*found));
      return row.dump();
    }
  return fail(Code::refuse, "there is no campaign \"{}\"", id.substr(0, 64));
}

Result<std::string> Admin::push_campaign(const std::string& text) {
  const auto config = core_.box.ask([this] { return core_.config(); }, kCore);
  if (!config) return fail(config);
  auto parsed = campaign::parse_campaign_json(text, "campaign", campaign::Origin::wire, config->promotions.ceilings);
  if (!parsed) return fail(Code::refuse, "{}", texts(parsed.error()));
  const auto id = parsed->id;
  const auto applied = ledger_.apply_campaigns("admin:" + id, {std::move(*parsed)}, kLedger);
  if (!applied) return fail(applied);
  if (!applied->refused.empty()) return fail(Code::refuse, "{}: {}", id, applied->refused.front().second);
  return campaign_json(id);
}

Result<std::string> Admin::pause_campaign(const std::string& id, bool paused) {
  const auto done = ledger_.pause_campaign(id, paused, kLedger);
  if (!done) return fail(done);
  return json{{"campaign", id}, {"paused", paused}}.dump();
}

Result<std::string> Admin::set_segments(const std::string& subject, const std::vector<std::string>& names) {
  const auto done = ledger_.set_segments(subject, names, kLedger);
  if (!done) return fail(done);
  return json{{"subject", subject}, {"segments", names}}.dump();
}

Result<std::string> Admin::stats_json(int days) {
  const auto config = core_.box.ask([this] { return core_.config(); }, kCore);
  if (!config) return fail(config);
  const auto zone = campaign::ZoneTime::load(config->gateway.timezone);
  if (!zone) return fail(zone);
  const auto statistics = ledger_.statistics(days, kLedger);
  if (!statistics) return fail(statistics);
  return statistics_json(*statistics, days, config->privacy_k, *zone);
}

}  // namespace foyer::app
