#include "campaign/lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>

#include "base/money.hpp"

namespace foyer::campaign {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::weekday;
using std::chrono::year_month_day;

// Platforms block the link of a page that rewards these (WeChat's rules for external links, 2019).
constexpr std::array<std::string_view, 14> kForcedKeys{
    "share",   "shares", "share_to_win", "sharing", "require_share",  "invite",  "invites",
    "invited", "refer",  "referral",     "follow",  "require_follow", "forward", "likes"};
constexpr std::array<std::string_view, 9> kForcedWords{
    "集赞", "转发", "分享到", "分享给", "分享朋友圈", "砍价", "share this", "share with", "invite a friend"};

constexpr std::string_view kNoSharing =
    "makes sharing, inviting or following a condition, which is not allowed; leave it out";

/// Lists hold names and hours: no keys. `free_names`: the keys of this map are the writer's own.
Node stripped(const Value& at, bool free_names) {
  Node out = at.node();
  if (out.kind != Node::Kind::map) return out;
  out.entries.clear();
  for (const auto& [key, value] : at.node().entries) {
    const auto inner = at.at(value, key.text);
    if (!free_names && std::ranges::find(kForcedKeys, key.text) != kForcedKeys.end())
      inner.fault(std::string(kNoSharing));
    else
      out.entries.push_back({key, stripped(inner, key.text == "prizes")});
  }
  return out;
}

/// The value at a path of keys as it is written; what is not written is spoken of at its nearest parent.
Value written(Value at, std::initializer_list<std::string_view> keys) {
  for (const auto wanted : keys) {
    const auto& entries = at.node().entries;
    const auto found = std::ranges::find(entries, wanted, [](const Entry& entry) { return entry.key.text; });
    if (found == entries.end()) break;
    at = at.at(found->value, wanted);
  }
  return at;
}

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

void lint_text(const Value& at, const Text& text) {
  for (const auto& [language, words] : text) {
    const auto plain = lower(words);
    for (const auto word : kForcedWords)
      if (plain.find(word) != std::string::npos)
        return at.fault(fmt::format("asks to share (\"{}\"), and a prize may not depend on it; leave it out", word));
  }
}

/// What one prize of this kind can be worth, where it is money: with all its uses.
std::optional<Money> most_worth(const Prize& prize) {
  if (prize.kind == PrizeKind::coupon && prize.benefit.kind == BenefitKind::amount_off && prize.benefit.amount) {
    const auto& once = *prize.benefit.amount;
    const auto uses = std::max<std::int64_t>(prize.uses, 1);
    const auto most = std::numeric_limits<std::int64_t>::max();
    return Money{once.minor > most / uses ? most : once.minor * uses, once.currency};
  }
  if (prize.kind != PrizeKind::red_packet) return std::nullopt;
  const auto floors = prize.at_least_minor * (static_cast<std::int64_t>(prize.count) - 1);
  return Money{prize.total.minor - floors, prize.total.currency};
}

void lint_worth(const Value& root, const Prize& prize, const Ceilings& ceilings) {
  const auto worth = most_worth(prize);
  if (!worth) return;
  const auto ceiling = ceilings.find(worth->currency);
  if (ceiling == ceilings.end() || worth->minor <= ceiling->second) return;
  const bool packet = prize.kind == PrizeKind::red_packet;
  const auto at =
      packet ? written(root, {"prizes", prize.id, "total"}) : written(root, {"prizes", prize.id, "benefit", "amount"});
  at.fault(fmt::format("makes one prize worth up to {} {}; at most {} is allowed (promotions.ceiling)",
                       format_amount(*worth), worth->currency, format_amount({ceiling->second, worth->currency})));
}

void lint_odds(const Value& root, const Campaign& campaign) {
  std::uint64_t sum = 0;
  for (const auto& prize : campaign.prizes) sum += prize.weight;
  for (const auto& prize : campaign.prizes) {
    if (prize.kind == PrizeKind::nothing || std::uint64_t{prize.weight} * 10'000 >= sum * kLeastOddsBp) continue;
    written(root, {"prizes", prize.id, "weight"})
        .fault(fmt::format("gives {} odds of {} in {}; less than 0.01 % cannot be published", prize.id, prize.weight,
                           sum));
  }
}

bool opens(const Schedule& schedule, sys_days day) {
  return (schedule.days >> weekday{day}.c_encoding() & 1) != 0 &&
         !std::ranges::binary_search(schedule.except, year_month_day{day});
}

/// Whether any day from `from` to `until` is left; without both there is always one.
void lint_schedule(const Value& root, const Schedule& schedule) {
  if (!schedule.from || !schedule.until) return;
  // A week and the days left out: further on every weekday has come that is not left out.
  const sys_days first{*schedule.from}, last{*schedule.until};
  const auto look = std::min(last, first + days{7 * (static_cast<int>(schedule.except.size()) + 1)});
  for (auto day = first; day <= look; day += days{1})
    if (opens(schedule, day)) return;
  written(root, {"schedule"}).fault("leaves no day on which the campaign is open");
}

void lint_validity(const Value& root, const Campaign& campaign, const Prize& prize) {
  if (prize.kind != PrizeKind::coupon) return;
  const auto& schedule = campaign.schedule;
  if (prize.valid.until && schedule.until && *prize.valid.until < *schedule.until)
    written(root, {"prizes", prize.id, "valid", "until"})
        .fault("is before the campaign's last day: what is won after it could not be used");
  if (prize.uses > 1 && prize.valid.for_ && !prize.valid.end_of_day &&
      prize.interval * static_cast<std::int64_t>(prize.uses - 1) >= *prize.valid.for_)
    written(root, {"prizes", prize.id, "interval"})
        .fault(fmt::format("lets the coupon expire before its {} uses are over", prize.uses));
}

void lint_audience(const Value& root, const Who& who) {
  for (const auto& name : who.any)
    if (std::ranges::find(who.none, name) != who.none.end())
      written(root, {"who", "segments", "none"}).fault(fmt::format("leaves out {}, which any asks for", name));
}

}  // namespace

const Ceilings& legal_ceilings() {
  static const Ceilings kCeilings{{"CNY", 50'000'00}};
  return kCeilings;
}

Node without_forced_sharing(const Node& document, FaultLog& log) { return stripped(Value(document, "", log), false); }

void lint(const Value& root, const Campaign& campaign, const Ceilings& ceilings) {
  lint_text(written(root, {"title"}), campaign.title);
  lint_schedule(root, campaign.schedule);
  lint_audience(root, campaign.who);
  lint_odds(root, campaign);
  for (const auto& prize : campaign.prizes) {
    lint_text(written(root, {"prizes", prize.id, "title"}), prize.title);
    lint_text(written(root, {"prizes", prize.id, "benefit", "item"}), prize.benefit.item);
    lint_worth(root, prize, ceilings);
    lint_validity(root, campaign, prize);
  }
}

}  // namespace foyer::campaign
