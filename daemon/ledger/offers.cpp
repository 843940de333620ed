#include "ledger/offers.hpp"

#include <algorithm>
#include <set>

#include "ledger/audience.hpp"
#include "ledger/broom.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/deal.hpp"
#include "ledger/sessions.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::Offer;
using campaign::Reason;
using campaign::TriggerAnswer;
using campaign::TriggerCommand;

const Bytes kAll;  // stands for everybody in offer_use

bool agreed(Context& context, const TriggerCommand& command) {
  if (command.terms.empty()) return true;
  const auto has = [&](const std::string& name) { return consent_of(context.db, name) == command.terms; };
  return has(command.shopper.subject) || std::ranges::any_of(command.known_as, has);
}

std::uint32_t made_today(Context& context, const Bytes& who) {
  auto query = context.db.query("SELECT count FROM offer_use WHERE day = ? AND who = ?");
  query.bind(context.today(), who);
  return query.next() ? static_cast<std::uint32_t>(query.integer(0)) : 0;
}

campaign::OffersToday offers_today(Context& context, const Names& names) {
  campaign::OffersToday made{0, made_today(context, kAll)};
  for (const auto& who : names) made.subject += made_today(context, who);
  return made;
}

void count_offer(Context& context, const Bytes& who) {
  context.db
      .query(
          "INSERT INTO offer_use (day, who, count) VALUES (?,?,1) ON CONFLICT (day, who) DO UPDATE SET count = count + "
          "1")
      .bind(context.today(), who)
      .run();
}

Offer read(Db& db, const Query& query) {
  return {static_cast<std::uint64_t>(query.integer(0)), from_unix_ms(query.integer(1)),
          campaign::parse_trigger(query.text(2)).value_or(campaign::Trigger::wifi), query.text(3),
          recall(db, query.text(4))};
}

Offer store(Context& context, const TriggerCommand& command, campaign::DrawAnswer answer) {
  auto query = context.db.query(
      "INSERT INTO offer (instance, subject, at_ms, trigger_name, zone, answer) VALUES (?,?,?,?,?,?) RETURNING seq");
  query.bind(command.instance, command.shopper.subject, unix_ms(context.now), to_string(command.trigger),
             command.shopper.zone, to_record(answer));
  Offer offer{0, context.now, command.trigger, command.shopper.zone, std::move(answer)};
  if (query.next()) offer.seq = static_cast<std::uint64_t>(query.integer(0));
  query.run();
  return offer;
}

std::vector<Offer> brought(Db& db, const std::string& instance) {
  std::vector<Offer> offers;
  auto query = db.query("SELECT seq, at_ms, trigger_name, zone, answer FROM offer WHERE instance = ? ORDER BY seq");
  query.bind(instance);
  while (query.next()) offers.push_back(read(db, query));
  return offers;
}

bool happened(Context& context, const std::string& instance) {
  auto query = context.db.query("SELECT 1 FROM happening WHERE instance = ?");
  query.bind(instance);
  return query.next();
}

/// One happening while its campaigns are gone through.
class Round {
 public:
  Round(Context& context, const TriggerCommand& command)
      : context_(context),
        command_(command),
        shopper_(known_to(context, command.shopper, command.known_as, command.trigger)),
        names_(names_of(context.settings, shopper_.subject, command.known_as)),
        occasion_{instance_hash(command.instance), std::string(to_string(command.trigger)), shopper_, names_} {}

  TriggerAnswer run() {
    for (const auto* entry : context_.campaigns.of(command_.trigger)) {
      const auto& campaign = entry->campaign;
      if (!campaign.exclusive.empty() && won_groups_.contains(campaign.exclusive)) continue;
      if (const auto reason = try_one(campaign)) answer_.refused.push_back(*reason);
    }
    if (dealt_)
      context_.db.query("INSERT INTO happening (instance, at_ms) VALUES (?,?)")
          .bind(command_.instance, unix_ms(context_.now))
          .run();
    return std::move(answer_);
  }

 private:
  std::optional<Reason> try_one(const campaign::Campaign& campaign) {
    auto refused = campaign::refused_by_rules(campaign, shopper_, context_.moment);
    if (!refused && is_held_out(context_, campaign, shopper_.subject, names_)) refused = Reason::holdout;
    if (refused) return refused;
    refused =
        campaign::refused_by_house(context_.campaigns.offer_rules(), offers_today(context_, names_), context_.moment);
    if (refused) return refused;
    const auto usage = usage_of(context_, campaign, names_);
    refused = campaign::refused_by_usage(campaign, usage, context_.now);
    if (refused) return refused;
    auto answer = deal(context_, occasion_, campaign, usage);
    dealt_ = true;
    if (answer.result != campaign::DrawAnswer::Result::won) return std::nullopt;
    won_groups_.insert(campaign.exclusive);
    count_offer(context_, names_.front());
    count_offer(context_, kAll);
    answer_.offers.push_back(store(context_, command_, std::move(answer)));
    return std::nullopt;
  }

  Context& context_;
  const TriggerCommand& command_;
  const campaign::Shopper shopper_;
  const Names names_;
  const Occasion occasion_;
  TriggerAnswer answer_;
  std::set<std::string> won_groups_;
  bool dealt_ = false;
};

}  // namespace

std::string instance_hash(const std::string& instance) { return to_hex(sha256(as_bytes(instance))).substr(0, 32); }

TriggerAnswer happen(Context& context, const TriggerCommand& command) {
  if (context.campaigns.of(command.trigger).empty()) return {};
  if (happened(context, command.instance)) return {brought(context.db, command.instance), {}};
  if (!agreed(context, command)) return {{}, {Reason::consent_missing}};
  return Round(context, command).run();
}

std::vector<Offer> offers_after(Db& db, const std::vector<std::string>& names, std::uint64_t seq) {
  std::vector<Offer> offers;
  for (const auto& name : names) {
    if (name.empty()) continue;
    auto query = db.query(
        "SELECT seq, at_ms, trigger_name, zone, answer FROM offer WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?");
    query.bind(name, seq, kMostOffersShown);
    while (query.next()) offers.push_back(read(db, query));
  }
  std::ranges::sort(offers, {}, &Offer::seq);
  if (offers.size() > kMostOffersShown) offers.resize(kMostOffersShown);
  return offers;
}

void forget_offers(Context& context, const std::string& subject) {
  context.db.query("DELETE FROM offer WHERE subject = ?").bind(subject).run();
}

void sweep_offers(Context& context, Broom& broom) {
  const auto before = unix_ms(context.now - kKeepOffers);
  broom.sweep("DELETE FROM offer WHERE at_ms < ?1 AND seq IN (SELECT seq FROM offer ORDER BY seq LIMIT ?2)", before);
  broom.sweep("DELETE FROM happening WHERE instance IN (SELECT instance FROM happening WHERE at_ms < ? LIMIT ?)",
              before);
  broom.sweep("DELETE FROM offer_use WHERE (day, who) IN (SELECT day, who FROM offer_use WHERE day < ? LIMIT ?)",
              context.today() - 1);
}

}  // namespace foyer::ledger
