#include "campaign/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strict_reader.hpp"
#include "campaign/reader_parts.hpp"

namespace foyer::campaign {
namespace {

using namespace std::chrono_literals;
using std::chrono::year_month_day;

constexpr std::uint32_t kMostWins = 1'000'000'000;
constexpr std::size_t kMostPrizes = 50;
constexpr std::size_t kMostZones = 64;
constexpr std::size_t kMostSegments = 64;
constexpr std::size_t kMostExceptions = 400;

/// Two digits at `at`, or nullopt.
std::optional<int> two_digits(std::string_view text, std::size_t at) {
  int number = 0;
  for (const char c : text.substr(at, 2)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

std::optional<int> minutes(std::string_view clock) {
  if (clock.size() != 5 || clock[2] != ':') return std::nullopt;
  const auto hour = two_digits(clock, 0), minute = two_digits(clock, 3);
  if (!hour || !minute || *minute > 59 || *hour * 60 + *minute > 24 * 60) return std::nullopt;
  return *hour * 60 + *minute;
}

std::optional<std::uint8_t> read_days(const Value& value) {
  constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  const auto items = value.list(1, kDays.size());
  if (!items) return std::nullopt;
  unsigned days = 0;
  for (const auto& item : *items) {
    const auto day =
        item.choice<unsigned>({{"mon", 1}, {"tue", 2}, {"wed", 3}, {"thu", 4}, {"fri", 5}, {"sat", 6}, {"sun", 0}});
    if (!day) continue;
    if ((days >> *day & 1) != 0) item.fault(fmt::format("{} is in the list already", kDays[*day]));
    days |= 1u << *day;
  }
  return static_cast<std::uint8_t>(days);
}

void read_except(const Value& value, std::vector<year_month_day>& except) {
  for (const auto& item : value.list(1, kMostExceptions).value_or(std::vector<Value>{})) {
    const auto day = read_date(item);
    if (!day) continue;
    if (std::ranges::find(except, *day) != except.end())
      item.fault("is in the list already");
    else
      except.push_back(*day);
  }
  std::ranges::sort(except);
}

void read_schedule(const Value& value, Schedule& schedule) {
  const auto map = value.fields({"from", "until", "days", "hours", "except"});
  if (!map) return;
  if (const auto except = map->find("except")) read_except(*except, schedule.except);
  if (const auto from = map->find("from")) schedule.from = read_date(*from);
  if (const auto until = map->find("until")) {
    schedule.until = read_date(*until);
    if (schedule.from && schedule.until && *schedule.until < *schedule.from) until->fault("is before from");
  }
  if (const auto days = map->find("days")) schedule.days = read_days(*days).value_or(0);
  if (const auto hours = map->find("hours"))
    for (const auto& item : hours->list(1, kMostWindows).value_or(std::vector<Value>{}))
      if (const auto window = read_hours(item)) schedule.hours.push_back(*window);
}

void read_where(const Value& value, Where& where) {
  const auto map = value.fields({"zones", "presence"});
  if (!map) return;
  map->read("zones", where.zones, &Value::names, kMostZones, kMostName);
  map->read("presence", where.presence, &Value::number, 0, 5);
}

void read_who(const Value& value, Who& who) {
  const auto map = value.fields({"segments", "visits", "holdout"});
  if (!map) return;
  if (const auto segments = map->find("segments")) {
    if (const auto lists = segments->fields({"any", "none"})) {
      lists->read("any", who.any, &Value::names, kMostSegments, kMostName);
      lists->read("none", who.none, &Value::names, kMostSegments, kMostName);
    }
  }
  map->choose<Visits>("visits", who.visits,
                      {{"any", Visits::any}, {"new", Visits::new_}, {"returning", Visits::returning}});
  map->read("holdout", who.holdout_bp, &Value::percent, 0, 10'000);
}

void read_limits(const Value& value, Limits& limits) {
  const auto map = value.fields({"per_subject", "total", "day", "interval"});
  if (!map) return;
  if (const auto subject = map->find("per_subject")) {
    if (const auto each = subject->fields({"total", "day"})) {
      each->read("total", limits.subject_total, &Value::number, 1, kMostWins);
      each->read("day", limits.subject_day, &Value::number, 1, kMostWins);
    }
  }
  map->read("total", limits.total, &Value::number, 1, kMostWins);
  map->read("day", limits.day, &Value::number, 1, kMostWins);
  map->read("interval", limits.interval, &Value::seconds, 0s, kLongestInterval);
}

void read_prizes(const Value& value, std::vector<Prize>& prizes) {
  const auto entries = value.table(1, kMostPrizes);
  if (!entries) return;
  bool has_nothing = false;
  std::uint64_t weights = 0;
  for (const auto& [key, item] : *entries) {
    auto prize = read_prize(item);
    prize.id = read_id(key).value_or("");
    if (prize.kind == PrizeKind::nothing && item.node().kind == Node::Kind::map) {
      if (has_nothing && names_kind(item)) item.fault("is the second prize of kind nothing; one is allowed");
      has_nothing = has_nothing || names_kind(item);
    }
    weights += prize.weight;
    prizes.push_back(std::move(prize));
  }
  if (weights == 0) value.fault("all have weight 0; at least one must have more");
}

Campaign read(const Value& document) {
  Campaign campaign;
  const auto map = document.fields(
      {"id", "title", "trigger", "schedule", "where", "who", "limits", "prizes", "priority", "exclusive", "paused"});
  if (!map) return campaign;
  if (const auto id = map->require("id")) campaign.id = read_id(*id).value_or("");
  campaign.title = {{"en", campaign.id}};
  map->read("title", campaign.title, &Value::texts, kMostTitle);
  map->choose<Trigger>("trigger", campaign.trigger,
                       {{"shake", Trigger::shake},
                        {"enter", Trigger::enter},
                        {"dwell", Trigger::dwell},
                        {"exit", Trigger::exit},
                        {"wifi", Trigger::wifi},
                        {"qr", Trigger::qr},
                        {"purchase", Trigger::purchase}});
  if (const auto value = map->find("schedule")) read_schedule(*value, campaign.schedule);
  if (const auto value = map->find("where")) read_where(*value, campaign.where);
  if (const auto value = map->find("who")) read_who(*value, campaign.who);
  if (const auto value = map->find("limits")) read_limits(*value, campaign.limits);
  if (const auto value = map->require("prizes")) read_prizes(*value, campaign.prizes);
  map->read("priority", campaign.priority, &Value::number, -1'000'000, 1'000'000);
  map->read("exclusive", campaign.exclusive, &Value::name, kMostName);
  map->read("paused", campaign.paused, &Value::flag);
  return campaign;
}

}  // namespace

std::optional<year_month_day> read_date(const Value& value) {
  const auto& text = value.node().text;
  int year = 0;
  const bool form = value.is_scalar() && text.size() == 10 && text[4] == '-' && text[7] == '-' &&
                    std::from_chars(text.data(), text.data() + 4, year).ptr == text.data() + 4 && year >= 2000;
  const auto month = form ? two_digits(text, 5) : std::nullopt, day = form ? two_digits(text, 8) : std::nullopt;
  if (month && day) {
    const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(*month)},
                              std::chrono::day{static_cast<unsigned>(*day)}};
    if (date.ok()) return date;
  }
  value.fault(fmt::format("must be a date like 2026-11-01, from the year 2000, not {}", describe(value.node())));
  return std::nullopt;
}

std::optional<Hours> read_hours(const Value& value) {
  const auto& text = value.node().text;
  const auto bad = [&] {
    value.fault(fmt::format("must be hours like \"11:00-14:00\", 00:00 to 24:00, not {}", describe(value.node())));
    return std::nullopt;
  };
  if (!value.is_scalar() || text.size() != 11 || text[5] != '-') return bad();
  const auto from = minutes(std::string_view(text).substr(0, 5)), to = minutes(std::string_view(text).substr(6));
  if (!from || !to || *from == 24 * 60) return bad();
  if (*from == *to) {
    value.fault("begins and ends at the same time; leave hours out for all day");
    return std::nullopt;
  }
  return Hours{*from, *to};
}

std::optional<std::string> read_id(const Value& value) {
  const auto& text = value.node().text;
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (value.is_scalar() && !text.empty() && text.size() <= kMostName && std::ranges::all_of(text, fits)) return text;
  value.fault(fmt::format("must be an id of 1 to {} small letters, digits and dashes, not {}", kMostName,
                          describe(value.node())));
  return std::nullopt;
}

namespace {

/// A document without positions is JSON, whose faults are named by RFC 6901 pointers.
FaultLog log_for(const Node& document, const std::string& source) {
  return FaultLog(source, document.line > 0 ? PathStyle::dotted : PathStyle::pointer);
}

}  // namespace

tl::expected<Campaign, Faults> read_campaign(const Node& document, const std::string& source,
                                             const Ceilings& ceilings) {
  auto log = log_for(document, source);
  const auto lawful = without_forced_sharing(document, log);
  const Value root(lawful, "", log);
  auto campaign = read(root);
  if (log.empty()) lint(root, campaign, ceilings);  // rules between values hold only for good values
  if (!log.empty()) return tl::make_unexpected(log.take());
  return campaign;
}

tl::expected<Campaign, Faults> read_stored_campaign(const Node& document, const std::string& source) {
  auto log = log_for(document, source);
  auto campaign = read(Value(document, "", log));
  if (!log.empty()) return tl::make_unexpected(log.take());
  return campaign;
}

}  // namespace foyer::campaign
