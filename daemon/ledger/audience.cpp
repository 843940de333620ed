#include "ledger/audience.hpp"

#include <algorithm>

#include "ledger/broom.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

constexpr std::int64_t kVisitDays = 8;  // as long as a device's names are known to be one
constexpr std::int64_t kArmDays = 400;  // as the funnel

template <class Each>
void for_each_name(const std::string& subject, const std::vector<std::string>& known_as, Each each) {
  each(subject);
  for (const auto& name : known_as)
    if (name != subject) each(name);
}

bool was_here(Context& context, const std::string& name) {
  auto query = context.db.query("SELECT 1 FROM visit WHERE subject = ? AND first_day < ?");
  query.bind(name, context.today());
  return query.next();
}

void add_segments(Context& context, const std::string& name, std::vector<std::string>& segments) {
  auto query = context.db.query("SELECT name FROM segment WHERE subject = ? ORDER BY name");
  query.bind(name);
  while (query.next()) segments.push_back(query.text(0));
}

void note_return(Context& context, const campaign::Campaign& campaign, const Bytes& who) {
  context.db.query("UPDATE arm SET returned = 1 WHERE campaign = ? AND who = ? AND day < ? AND returned = 0")
      .bind(campaign.id, who, context.today())
      .run();
}

/// The row follows the name in use, so that it is still found when the older name is no longer known to be the same.
void carry_arm(Context& context, const campaign::Campaign& campaign, const Bytes& from, const Bytes& to) {
  context.db.query("UPDATE arm SET who = ? WHERE campaign = ? AND who = ?").bind(to, campaign.id, from).run();
}

}  // namespace

campaign::Shopper known_to(Context& context, campaign::Shopper shopper, const std::vector<std::string>& known_as,
                           campaign::Trigger trigger) {
  const auto& asks = context.campaigns.asks(trigger);
  if (asks.visits)
    for_each_name(shopper.subject, known_as,
                  [&](const auto& name) { shopper.returning = shopper.returning || was_here(context, name); });
  if (asks.segments)
    for_each_name(shopper.subject, known_as, [&](const auto& name) { add_segments(context, name, shopper.segments); });
  return shopper;
}

void note_visit(Context& context, const std::string& subject, const Names& names) {
  context.db
      .query(
          "INSERT INTO visit (subject, first_day, last_day) VALUES (?1,?2,?2) "
          "ON CONFLICT (subject) DO UPDATE SET last_day = max(last_day, ?2)")
      .bind(subject, context.today())
      .run();
  for (const auto* entry : context.campaigns.with_holdout())
    for (const auto& who : names) note_return(context, entry->campaign, who);
  for (const auto* entry : context.campaigns.with_subject_total()) carry_counts(context, entry->campaign.id, names);
}

bool is_held_out(Context& context, const campaign::Campaign& campaign, const std::string& subject, const Names& names) {
  if (campaign.who.holdout_bp == 0) return false;
  for (const auto& who : names) {
    auto query = context.db.query("SELECT held FROM arm WHERE campaign = ? AND who = ?");
    query.bind(campaign.id, who);
    if (!query.next()) continue;
    const bool held = query.integer(0) != 0;
    if (who != names.front()) carry_arm(context, campaign, who, names.front());
    return held;
  }
  const bool held = campaign::held_out(campaign, subject, context.settings.holdout_key);
  context.db.query("INSERT INTO arm (campaign, who, held, day, returned, bought) VALUES (?,?,?,?,0,0)")
      .bind(campaign.id, names.front(), held, context.today())
      .run();
  return held;
}

void note_bought(Context& context, const Names& names, const std::string& shown) {
  for (const auto* entry : context.campaigns.with_holdout())
    for (const auto& who : names)
      if (entry->campaign.id != shown)
        context.db.query("UPDATE arm SET bought = 1 WHERE campaign = ? AND who = ? AND bought = 0")
            .bind(entry->campaign.id, who)
            .run();
}

Result<void> set_segments(Context& context, const std::string& subject, const std::vector<std::string>& names) {
  if (subject.empty() || subject.size() > 128) return fail(Code::refuse, "subject: 1 to 128 characters");
  if (names.size() > kMostSegments) return fail(Code::refuse, "segments: at most {}", kMostSegments);
  context.db.query("DELETE FROM segment WHERE subject = ?").bind(subject).run();
  for (const auto& name : names)
    context.db.query("INSERT OR IGNORE INTO segment (subject, name) VALUES (?,?)").bind(subject, name).run();
  return {};
}

void forget_audience(Context& context, const std::string& subject) {
  context.db.query("DELETE FROM visit WHERE subject = ?").bind(subject).run();
  context.db.query("DELETE FROM segment WHERE subject = ?").bind(subject).run();
}

void sweep_audience(Context& context, Broom& broom) {
  // A name that is not known any more can never come again, nor can what is said of it be of use.
  const auto last_day = context.today() - kVisitDays;
  broom.sweep("DELETE FROM segment WHERE subject IN (SELECT subject FROM visit WHERE last_day < ? LIMIT ?)", last_day);
  broom.sweep("DELETE FROM visit WHERE subject IN (SELECT subject FROM visit WHERE last_day < ? LIMIT ?)", last_day);
  broom.sweep("DELETE FROM arm WHERE (campaign, who) IN (SELECT campaign, who FROM arm WHERE day < ? LIMIT ?)",
              context.today() - kArmDays);
}

std::vector<campaign::Arms> arms(Db& db) {
  std::vector<campaign::Arms> all;
  auto query = db.query(
      "SELECT campaign, held, count(*), sum(returned), sum(bought) FROM arm GROUP BY campaign, held ORDER BY campaign");
  while (query.next()) {
    const auto number = [&](int column) { return static_cast<std::uint64_t>(query.integer(column)); };
    if (all.empty() || all.back().campaign != query.text(0)) all.push_back({query.text(0), {}, {}});
    (query.integer(1) != 0 ? all.back().held : all.back().treated) = {number(2), number(3), number(4)};
  }
  return all;
}

}  // namespace foyer::ledger
