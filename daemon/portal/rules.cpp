// What a draw's organiser has to publish: prizes with their odds, when, for whom, how often, and how a prize is used.
#include <algorithm>
#include <array>

#include "campaign/coupon.hpp"
#include "portal/call.hpp"
#include "portal/html.hpp"

namespace foyer::portal {

using campaign::Campaign;
using campaign::Prize;
using campaign::PrizeKind;
using nlohmann::json;
using ports::HttpResponse;

namespace {

/// The text with `what` in the place of its {}.
std::string filled(const Call& call, const std::string& key, const std::string& what) {
  auto text = call.text(key);
  if (const auto at = text.find("{}"); at != std::string::npos) text.replace(at, 2, what);
  return text;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between = ", ") {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : std::string(between)) + part;
  return all;
}

std::string date_text(std::chrono::year_month_day day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

/// In the largest unit that says it exactly, down to seconds.
std::string time_text(const Call& call, std::chrono::milliseconds time) {
  constexpr std::array<std::pair<const char*, std::int64_t>, 4> kUnits{{{"rules_days_long", 86'400},
                                                                        {"rules_hours_long", 3'600},
                                                                        {"rules_minutes_long", 60},
                                                                        {"rules_seconds_long", 1}}};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
  const auto unit = std::ranges::find_if(kUnits, [&](const auto& one) { return seconds % one.second == 0; });
  return filled(call, unit->first, std::to_string(seconds / unit->second));
}

std::string hours_text(const std::vector<campaign::Hours>& hours) {
  std::vector<std::string> all;
  all.reserve(hours.size());
  for (const auto& one : hours)
    all.push_back(fmt::format("{:02}:{:02}–{:02}:{:02}", one.from / 60, one.from % 60, one.to / 60, one.to % 60));
  return joined(all);
}

std::string days_text(const Call& call, std::uint8_t days) {
  constexpr std::array<const char*, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  std::vector<std::string> all;
  for (std::size_t i = 1; i <= kDays.size(); ++i)
    if ((days >> (i % kDays.size()) & 1) != 0) all.push_back(call.text(std::string("day_") + kDays[i % kDays.size()]));
  return joined(all);
}

/// Labels and what they say, in order.
class Facts {
 public:
  explicit Facts(const Call& call) : call_(call) {}
  void add(const char* label, const std::string& what) {
    if (!what.empty()) rows_.push_back({{"label", call_.text(label)}, {"what", what}});
  }
  json take() { return std::move(rows_); }

 private:
  const Call& call_;
  json rows_ = json::array();
};

void add_schedule(const Call& call, const campaign::Schedule& schedule, Facts& facts) {
  if (schedule.from || schedule.until)
    facts.add("rules_period", fmt::format("{} – {}", schedule.from ? date_text(*schedule.from) : "",
                                          schedule.until ? date_text(*schedule.until) : ""));
  else
    facts.add("rules_period", call.text("rules_open_end"));
  if (schedule.days != 0x7f) facts.add("rules_weekdays", days_text(call, schedule.days));
  facts.add("rules_hours", hours_text(schedule.hours));
  std::vector<std::string> except;
  for (const auto day : schedule.except) except.push_back(date_text(day));
  facts.add("rules_except", joined(except));
}

void add_limits(const Call& call, const campaign::Limits& limits, Facts& facts) {
  std::vector<std::string> all;
  const auto limit = [&](const char* key, const std::optional<std::uint32_t>& value) {
    if (value) all.push_back(filled(call, key, std::to_string(*value)));
  };
  limit("rules_subject_total", limits.subject_total);
  limit("rules_subject_day", limits.subject_day);
  limit("rules_total", limits.total);
  limit("rules_day", limits.day);
  if (limits.interval.count() > 0) all.push_back(filled(call, "rules_interval", time_text(call, limits.interval)));
  facts.add("rules_limits", joined(all, "; "));
}

json facts_of(const Call& call, const Campaign& campaign) {
  Facts facts(call);
  facts.add("rules_organiser", call.text(call.settings().brand));
  facts.add("rules_how", call.text("rules_on_" + std::string(to_string(campaign.trigger))));
  add_schedule(call, campaign.schedule, facts);
  if (campaign.who.visits != campaign::Visits::any)
    facts.add("rules_who", call.text(campaign.who.visits == campaign::Visits::new_ ? "rules_new" : "rules_returning"));
  if (!campaign.who.any.empty() || !campaign.who.none.empty()) facts.add("rules_who", call.text("rules_chosen"));
  if (campaign.who.holdout_bp != 0) facts.add("rules_who", call.text("rules_holdout"));
  add_limits(call, campaign.limits, facts);
  const auto has = [&](PrizeKind kind) {
    return std::ranges::find(campaign.prizes, kind, &Prize::kind) != campaign.prizes.end();
  };
  if (has(PrizeKind::coupon)) facts.add("rules_redeem", call.text("rules_redeem_coupon"));
  if (has(PrizeKind::red_packet)) facts.add("rules_redeem", call.text("rules_redeem_packet"));
  return facts.take();
}

/// From when to when, how often, where and for which purchase a coupon of this prize is good.
std::string terms_of(const Call& call, const Prize& prize) {
  if (prize.kind != PrizeKind::coupon) return "";
  const auto& valid = prize.valid;
  std::vector<std::string> all;
  if (valid.from) all.push_back(filled(call, "rules_valid_from", date_text(*valid.from)));
  if (valid.after.count() > 0) all.push_back(filled(call, "rules_valid_after", time_text(call, valid.after)));
  if (valid.for_ || !valid.until)
    all.push_back(filled(call, "rules_valid_for", time_text(call, valid.for_.value_or(campaign::kDefaultValidity))));
  if (valid.until) all.push_back(filled(call, "rules_valid_until", date_text(*valid.until)));
  if (valid.hours != campaign::WeekHours{}) all.push_back(week_text(call, valid.hours));
  if (prize.benefit.min_spend) all.push_back(filled(call, "rules_min_spend", money_text(*prize.benefit.min_spend)));
  if (prize.uses > 1) all.push_back(filled(call, "rules_uses", std::to_string(prize.uses)));
  if (prize.uses > 1 && prize.interval.count() > 0)
    all.push_back(filled(call, "rules_uses_interval", time_text(call, prize.interval)));
  const std::vector home{call.settings().store};
  all.push_back(filled(call, "rules_stores", joined(prize.redeem_at.empty() ? home : prize.redeem_at)));
  return joined(all, "; ");
}

json row_of(const Call& call, const Prize& prize, std::uint64_t weights) {
  const bool nothing = prize.kind == PrizeKind::nothing;
  campaign::WonPrize as_won{prize.id, prize.kind, prize.title, {}, {}};
  if (prize.kind == PrizeKind::coupon) as_won.benefit = prize.benefit;
  if (prize.kind == PrizeKind::red_packet) as_won.amount = prize.total;
  const auto title = prize_title(call, as_won);
  const double share = weights == 0 ? 0 : 100.0 * prize.weight / static_cast<double>(weights);
  json row{{"title", nothing && title.empty() ? call.text("nothing") : title},
           {"odds", fmt::format("{:.2f} %", share)}};
  if (auto terms = terms_of(call, prize); !terms.empty()) row["terms"] = std::move(terms);
  if (prize.kind == PrizeKind::red_packet)
    row["count"] = std::to_string(prize.count);
  else if (prize.stock)
    row["count"] = std::to_string(*prize.stock);
  return row;
}

HttpResponse rules(const Call& call) {
  const auto found = call.services().campaign(call.params[0]);
  if (!found) return call.failed(found.error());
  if (!*found) return call.refuse(404, campaign::Reason::not_found);
  const auto& campaign = **found;
  std::uint64_t weights = 0;
  for (const auto& prize : campaign.prizes) weights += prize.weight;
  json rows = json::array();
  for (const auto& prize : campaign.prizes) rows.push_back(row_of(call, prize, weights));
  return call.page("rules",
                   {{"title", call.text(campaign.title)}, {"rows", rows}, {"facts", facts_of(call, campaign)}});
}

}  // namespace

std::span<const Route> rules_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/rules/{campaign}", Look::page, rules}};
  return kRoutes;
}

}  // namespace foyer::portal
