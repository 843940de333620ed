#include "ledger/campaigns.hpp"

#include <algorithm>
#include <set>

#include "campaign/draw.hpp"
#include "campaign/reader.hpp"
#include "ledger/packets.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::Campaign;
using campaign::Prize;
using campaign::PrizeKind;

/// The campaign's first day has come and it is not paused; without a clock only those without a date begin.
bool begins(const Campaign& campaign, const Context& context) {
  if (campaign.paused) return false;
  if (!campaign.schedule.from) return true;
  return context.clock_trusted && context.moment.local.day >= *campaign.schedule.from;
}

auto parse_stored(std::string_view json) {
  return campaign::parse_campaign_json(json, "ledger", campaign::Origin::stored);
}

std::optional<std::string> too_large(const Campaign& campaign) {
  for (const auto& prize : campaign.prizes)
    if (prize.kind == PrizeKind::red_packet && prize.count > Campaigns::kMostPackets)
      return fmt::format("prize {}: {} packets; at most {} are allowed", prize.id, prize.count,
                         Campaigns::kMostPackets);
  return std::nullopt;
}

/// The source did not pause it before and does now.
bool pauses_anew(Db& db, const Campaign& next) {
  if (!next.paused) return false;
  auto query = db.query("SELECT json FROM campaign WHERE id = ?");
  query.bind(next.id);
  if (!query.next()) return false;
  const auto before = parse_stored(query.text(0));
  return before && !before->paused;
}

/// The number of this version. Old ones of a campaign that is still being written go; once it has started they stay.
std::uint32_t keep_version(Context& context, const std::string& id, const std::string& json) {
  constexpr std::int64_t kMostVersions = 100;
  std::int64_t version = 1;
  {
    auto query = context.db.query("SELECT ifnull(max(version), 0) + 1 FROM campaign_version WHERE campaign = ?");
    query.bind(id);
    if (query.next()) version = query.integer(0);
  }
  context.db.query("INSERT INTO campaign_version (campaign, version, at_ms, json) VALUES (?,?,?,?)")
      .bind(id, version, unix_ms(context.now), json)
      .run();
  context.db.query("DELETE FROM campaign_version WHERE campaign = ? AND version <= ?")
      .bind(id, version - kMostVersions)
      .run();
  return static_cast<std::uint32_t>(version);
}

/// More stock may be on sale again what was told as low or exhausted: say it again when it happens again.
void forget_told(Context& context, const Campaign& before, const Campaign& next) {
  for (std::size_t i = 0; i < before.prizes.size() && i < next.prizes.size(); ++i)
    if (before.prizes[i].stock != next.prizes[i].stock)
      context.db.query("UPDATE prize_use SET told = 0 WHERE campaign = ? AND prize = ?")
          .bind(next.id, next.prizes[i].id)
          .run();
}

}  // namespace

std::optional<std::string> forbidden_change(const Campaign& started, const Campaign& next) {
  Campaign probe = next;
  probe.paused = started.paused;
  const auto& old_end = started.schedule.until;
  const auto& new_end = next.schedule.until;
  if (old_end && (!new_end || *new_end >= *old_end)) probe.schedule.until = old_end;
  for (std::size_t i = 0; i < probe.prizes.size() && i < started.prizes.size(); ++i) {
    const auto& had = started.prizes[i].stock;
    auto& has = probe.prizes[i].stock;
    if (had && (!has || *has >= *had)) has = had;
    // Or a later end of the campaign would have coupons that end before it.
    const auto& lasted = started.prizes[i].valid.until;
    auto& lasts = probe.prizes[i].valid.until;
    if (lasted && lasts && *lasts >= *lasted) lasts = lasted;
  }
  if (probe == started) return std::nullopt;
  std::string what;
  const auto differs = [&](bool yes, std::string_view key) {
    if (yes) what += fmt::format("{}{}", what.empty() ? "" : ", ", key);
  };
  differs(probe.title != started.title, "title");
  differs(probe.trigger != started.trigger, "trigger");
  differs(probe.schedule != started.schedule, "schedule");
  differs(probe.where != started.where, "where");
  differs(probe.who != started.who, "who");
  differs(probe.limits != started.limits, "limits");
  differs(probe.prizes != started.prizes, "prizes");
  differs(probe.priority != started.priority, "priority");
  differs(probe.exclusive != started.exclusive, "exclusive");
  return fmt::format(
      "it has started and {} changed; a started campaign accepts only pause, resume, a later end (its own and "
      "that of valid.until) and more stock",
      what);
}

void Campaigns::load(Db& db, std::vector<std::pair<std::string, std::string>>* faults) {
  entries_.clear();
  auto query = db.query("SELECT id, source, json, started, held FROM campaign WHERE active = 1");
  while (query.next()) {
    auto parsed = parse_stored(query.text(2));
    if (!parsed) {
      if (faults) faults->emplace_back(query.text(0), parsed.error().empty() ? "" : to_string(parsed.error().front()));
      continue;
    }
    Entry entry{std::move(*parsed), query.text(1), false, query.integer(3) != 0, static_cast<Word>(query.integer(4))};
    entry.source_paused = entry.campaign.paused;
    if (entry.word != Word::none) entry.campaign.paused = entry.word == Word::paused;
    entries_.push_back(std::move(entry));
  }
  std::ranges::sort(entries_, [](const Entry& a, const Entry& b) { return campaign::before(a.campaign, b.campaign); });
  index();
}

void Campaigns::index() {
  by_trigger_ = {};
  asks_ = {};
  with_holdout_.clear();
  with_subject_total_.clear();
  for (const auto& entry : entries_) {
    const auto& campaign = entry.campaign;
    const auto trigger = static_cast<std::size_t>(campaign.trigger);
    by_trigger_[trigger].push_back(&entry);
    auto& asks = asks_[trigger];
    asks.visits = asks.visits || campaign.who.visits != campaign::Visits::any;
    asks.segments = asks.segments || !campaign.who.any.empty() || !campaign.who.none.empty();
    if (campaign.who.holdout_bp > 0) with_holdout_.push_back(&entry);
    if (campaign.limits.subject_total && campaign.trigger != campaign::Trigger::purchase)
      with_subject_total_.push_back(&entry);
  }
}

void Campaigns::touch(Db& db) {
  touched_ = true;
  load(db);
}

std::vector<Campaign> Campaigns::all() const {
  std::vector<Campaign> campaigns;
  campaigns.reserve(entries_.size());
  for (const auto& entry : entries_) campaigns.push_back(entry.campaign);
  return campaigns;
}

std::optional<Campaign> Campaigns::known(Db& db, const std::string& id) const {
  for (const auto& entry : entries_)
    if (entry.campaign.id == id) return entry.campaign;
  const auto had = stored(db, id);
  if (!had || !had->started) return std::nullopt;
  auto parsed = parse_stored(had->json);
  return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

std::vector<campaign::CampaignState> Campaigns::states(Context& context) const {
  std::vector<campaign::CampaignState> states;
  for (const auto& entry : entries_) {
    const auto usage = usage_of(context, entry.campaign, {});
    campaign::CampaignState state{entry.campaign, entry.source, entry.started, entry.word == Word::paused, 0,
                                  usage.total,    usage.day,    usage.issued};
    auto query = context.db.query("SELECT max(version) FROM campaign_version WHERE campaign = ?");
    query.bind(entry.campaign.id);
    if (query.next()) state.version = static_cast<std::uint32_t>(query.integer(0));
    states.push_back(std::move(state));
  }
  return states;
}

std::optional<Campaigns::Stored> Campaigns::stored(Db& db, const std::string& id) const {
  auto query = db.query("SELECT source, json, started, active FROM campaign WHERE id = ?");
  query.bind(id);
  if (!query.next()) return std::nullopt;
  return Stored{id, query.text(0), query.text(1), query.integer(2) != 0, query.integer(3) != 0};
}

/// Why not, or nullopt when it is in force now.
std::optional<std::string> Campaigns::store(Context& context, const std::string& source, const Campaign& campaign,
                                            std::uint32_t& version) {
  const auto had = stored(context.db, campaign.id);
  if (had && had->active && had->source != source)
    return fmt::format("the id is taken by a campaign from \"{}\"", had->source);
  if (auto why = too_large(campaign)) return why;
  const auto json = campaign::to_json(campaign);
  if (had && had->active && had->json == json) return std::nullopt;
  // What could not be read back would be told as applied and not be in force.
  if (const auto back = parse_stored(json); !back)
    return fmt::format("it cannot be stored: {}", back.error().empty() ? "" : to_string(back.error().front()));
  const bool started = had && had->started;
  if (started) {
    const auto before = parse_stored(had->json);
    if (!before) return "it has started and what is stored of it cannot be read by this program";
    if (auto why = forbidden_change(*before, campaign)) return why;
    forget_told(context, *before, campaign);
    if (!is_over(campaign.schedule, context.moment)) take_back_packets(context, campaign);
  } else {
    split_packets(context, campaign);
  }
  context.db
      .query(
          "INSERT INTO campaign (id, source, json, started, active, held) VALUES (?1,?2,?3,?4,1,0) "
          "ON CONFLICT (id) DO UPDATE SET source = ?2, json = ?3, active = 1, started = ?4, "
          "held = CASE WHEN held = 2 AND ?5 THEN 0 ELSE held END")
      .bind(campaign.id, source, json, started || begins(campaign, context), pauses_anew(context.db, campaign))
      .run();
  version = keep_version(context, campaign.id, json);
  return std::nullopt;
}

void Campaigns::remove_missing(Context& context, const std::string& source, const std::vector<Campaign>& wanted) {
  std::set<std::string> keep;
  for (const auto& campaign : wanted) keep.insert(campaign.id);
  std::vector<std::pair<std::string, bool>> gone;
  {
    auto query = context.db.query("SELECT id, started FROM campaign WHERE source = ? AND active = 1 ORDER BY id");
    query.bind(source);
    while (query.next())
      if (!keep.contains(query.text(0))) gone.emplace_back(query.text(0), query.integer(1) != 0);
  }
  for (const auto& [id, started] : gone) {
    if (started) {
      if (const auto entry = std::ranges::find(entries_, id, [](const Entry& one) { return one.campaign.id; });
          entry != entries_.end())
        return_packets(context, entry->campaign);
      context.db.query("UPDATE campaign SET active = 0 WHERE id = ?").bind(id).run();
    } else {
      context.db.query("DELETE FROM campaign WHERE id = ?").bind(id).run();
      context.db.query("DELETE FROM packet WHERE campaign = ?").bind(id).run();
      context.db.query("DELETE FROM campaign_version WHERE campaign = ?").bind(id).run();
    }
    context.db.query("DELETE FROM code_pool WHERE campaign = ?").bind(id).run();
    context.emit(Stream::health, "campaign.applied", "", {{"campaign", id}, {"removed", true}});
  }
}

std::optional<Ledger::Applied> Campaigns::unchanged(Db& db, const std::string& source,
                                                    const std::vector<Campaign>& campaigns) const {
  std::set<std::string> ids;
  Ledger::Applied answer;
  for (const auto& campaign : campaigns) {
    const auto had = stored(db, campaign.id);
    if (!had || !had->active || had->source != source || had->json != campaign::to_json(campaign)) return std::nullopt;
    if (!ids.insert(campaign.id).second) return std::nullopt;
    answer.applied.push_back(campaign.id);
  }
  auto query = db.query("SELECT count(*) FROM campaign WHERE source = ? AND active = 1");
  query.bind(source);
  if (!query.next() || static_cast<std::size_t>(query.integer(0)) != ids.size()) return std::nullopt;
  answer.unchanged = true;
  return answer;
}

Ledger::Applied Campaigns::apply(Context& context, const std::string& source, const std::vector<Campaign>& campaigns) {
  mark_begun(context);
  remove_missing(context, source, campaigns);
  auto in_force = static_cast<std::size_t>(context.db.number("SELECT count(*) FROM campaign WHERE active = 1"));
  Ledger::Applied answer;
  std::set<std::string> seen;
  for (const auto& campaign : campaigns) {
    std::uint32_t version = 0;  // 0: nothing changed
    std::optional<std::string> why;
    const auto had = stored(context.db, campaign.id);
    const bool adds = !had || !had->active;
    if (!seen.insert(campaign.id).second) {
      why = "the id is used twice in one source";
    } else if (adds && in_force >= kMost) {
      why = fmt::format("{} campaigns are in force, and more are not allowed", in_force);
    } else {
      why = store(context, source, campaign, version);
      if (!why && adds) ++in_force;
    }
    if (why) {
      context.emit(Stream::health, "campaign.refused", "",
                   {{"campaign", campaign.id}, {"reasons", Json::array({*why})}});
      answer.refused.emplace_back(campaign.id, *why);
    } else {
      if (version != 0)
        context.emit(Stream::health, "campaign.applied", "", {{"campaign", campaign.id}, {"version", version}});
      answer.applied.push_back(campaign.id);
    }
  }
  touch(context.db);
  return answer;
}

Result<void> Campaigns::pause(Context& context, const std::string& id, bool paused) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.campaign.id == id; });
  if (found == entries_.end()) return fail(Code::refuse, "there is no campaign \"{}\"", id.substr(0, 64));
  if (found->campaign.paused == paused) return {};
  const auto word = paused ? Word::paused : found->source_paused ? Word::resumed : Word::none;
  mark_begun(context);
  context.db.query("UPDATE campaign SET held = ? WHERE id = ?").bind(static_cast<int>(word), id).run();
  context.emit(Stream::health, "campaign.applied", "", {{"campaign", id}, {"paused", paused}});
  touch(context.db);
  return {};
}

void Campaigns::mark_started(Context& context, const std::string& id) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.campaign.id == id; });
  if (found == entries_.end() || found->started) return;
  context.db.query("UPDATE campaign SET started = 1 WHERE id = ?").bind(id).run();
  found->started = true;
  touched_ = true;
}

void Campaigns::return_over(Context& context) {
  for (const auto& entry : entries_)
    if (is_over(entry.campaign.schedule, context.moment)) return_packets(context, entry.campaign);
}

void Campaigns::mark_begun(Context& context) {
  for (auto& entry : entries_) {
    if (entry.started || !begins(entry.campaign, context)) continue;
    context.db.query("UPDATE campaign SET started = 1 WHERE id = ?").bind(entry.campaign.id).run();
    entry.started = true;
    touched_ = true;
  }
}

}  // namespace foyer::ledger
