#include "campaign/draw.hpp"

#include <algorithm>

namespace foyer::campaign {
namespace {

using std::chrono::year_month_day;

bool has_day(const Schedule& schedule, std::chrono::weekday day) {
  return (schedule.days >> day.c_encoding() & 1) != 0;
}

/// Whether a window that begins on `day` may be open at all.
bool counts(const Schedule& schedule, const ZoneTime::Local& at) {
  return has_day(schedule, at.weekday) && (!schedule.from || at.day >= *schedule.from) &&
         (!schedule.until || at.day <= *schedule.until) &&
         (schedule.except.empty() || !std::ranges::binary_search(schedule.except, at.day));
}

bool crosses_midnight(const Hours& hours) { return hours.to <= hours.from; }

bool open_today(const Schedule& schedule, int minute) {
  return schedule.hours.empty() || std::ranges::any_of(schedule.hours, [&](const Hours& hours) {
           return minute >= hours.from && (crosses_midnight(hours) || minute < hours.to);
         });
}

bool open_since_yesterday(const Schedule& schedule, int minute) {
  return std::ranges::any_of(schedule.hours,
                             [&](const Hours& hours) { return crosses_midnight(hours) && minute < hours.to; });
}

std::optional<Reason> refused_by_schedule(const Schedule& schedule, const Moment& moment) {
  const auto& local = moment.local;
  if (open_today(schedule, local.minute) && counts(schedule, local)) return std::nullopt;
  if (open_since_yesterday(schedule, local.minute) && counts(schedule, moment.before)) return std::nullopt;
  if (schedule.from && local.day < *schedule.from) return Reason::not_started;
  if (schedule.until && local.day > *schedule.until) return Reason::expired;
  return Reason::outside_hours;
}

bool in_any(const std::vector<std::string>& wanted, const std::vector<std::string>& has) {
  return std::ranges::any_of(wanted, [&](const auto& one) { return std::ranges::find(has, one) != has.end(); });
}

bool in_audience(const Who& who, const Shopper& shopper) {
  if (!who.any.empty() && !in_any(who.any, shopper.segments)) return false;
  if (!who.none.empty() && in_any(who.none, shopper.segments)) return false;
  return who.visits == Visits::any || (who.visits == Visits::returning) == shopper.returning;
}

bool has_stock(const Prize& prize, const Usage& usage) {
  const auto found = usage.issued.find(prize.id);
  const std::uint32_t issued = found == usage.issued.end() ? 0 : found->second;
  if (prize.kind == PrizeKind::red_packet && issued >= prize.count) return false;
  if (usage.no_codes.contains(prize.id)) return false;
  return !prize.stock || issued < *prize.stock;
}

}  // namespace

Moment Moment::at(WallTime now, bool clock_trusted, const ZoneTime& zone) {
  Moment moment{now, clock_trusted, zone.local(now), {}, 0};
  const std::chrono::sys_days day{moment.local.day};
  moment.today = day.time_since_epoch().count();
  moment.before = {year_month_day{day - std::chrono::days{1}}, moment.local.weekday - std::chrono::days{1},
                   moment.local.minute};
  return moment;
}

bool is_over(const Schedule& schedule, const Moment& moment) {
  if (!schedule.until || moment.local.day <= *schedule.until) return false;
  return !(moment.before.day <= *schedule.until && open_since_yesterday(schedule, moment.local.minute));
}

std::optional<Reason> refused_by_rules(const Campaign& campaign, const Shopper& shopper, const Moment& moment) {
  if (campaign.paused) return Reason::paused;
  if (!campaign.schedule.unlimited()) {
    if (!moment.clock_trusted) return Reason::clock_untrusted;
    if (auto reason = refused_by_schedule(campaign.schedule, moment)) return reason;
  }
  const auto& zones = campaign.where.zones;
  if (!zones.empty() && std::ranges::find(zones, shopper.zone) == zones.end()) return Reason::presence_too_low;
  if (shopper.presence < campaign.where.presence) return Reason::presence_too_low;
  if (!in_audience(campaign.who, shopper)) return Reason::not_in_audience;
  return std::nullopt;
}

std::optional<Reason> refused_by_usage(const Campaign& campaign, const Usage& usage, WallTime now) {
  const auto& limits = campaign.limits;
  // abs: after the clock was set back, the wait is the interval again and not as long as the step was.
  if (usage.subject_last_draw && std::chrono::abs(now - *usage.subject_last_draw) < limits.interval)
    return Reason::interval;
  if (limits.subject_total && usage.subject_total >= *limits.subject_total) return Reason::subject_cap;
  if (limits.subject_day && usage.subject_day >= *limits.subject_day) return Reason::subject_cap;
  if (limits.total && usage.total >= *limits.total) return Reason::campaign_cap;
  if (limits.day && usage.day >= *limits.day) return Reason::campaign_cap;
  bool any_prize = false;
  for (const auto& prize : campaign.prizes) {
    if (prize.kind == PrizeKind::nothing) continue;
    if (has_stock(prize, usage)) return std::nullopt;
    any_prize = true;
  }
  return any_prize ? std::optional{Reason::out_of_stock} : std::nullopt;
}

std::optional<std::size_t> pick(const Campaign& campaign, const Usage& usage, const Random& random) {
  std::uint64_t sum = 0;
  for (const auto& prize : campaign.prizes) sum += prize.weight;
  if (sum == 0) return std::nullopt;
  std::uint64_t at = random_below(random, sum);
  for (std::size_t i = 0; i < campaign.prizes.size(); ++i) {
    const auto& prize = campaign.prizes[i];
    if (at >= prize.weight) {
      at -= prize.weight;
      continue;
    }
    if (prize.kind == PrizeKind::nothing || !has_stock(prize, usage)) return std::nullopt;
    return i;
  }
  return std::nullopt;
}

bool before(const Campaign& a, const Campaign& b) {
  return a.priority != b.priority ? a.priority > b.priority : a.id < b.id;
}

bool held_out(const Campaign& campaign, const std::string& subject, ByteView key) {
  if (campaign.who.holdout_bp == 0) return false;
  const std::string message = campaign.id + '\0' + subject;
  std::uint32_t rest = 0;  // of the digest as one number, most significant byte first
  for (const auto byte : hmac_sha256(key, as_bytes(message))) rest = (rest * 256 + byte) % 10'000;
  return rest < campaign.who.holdout_bp;
}

}  // namespace foyer::campaign
