#include "ledger/draws.hpp"

#include <algorithm>

#include "ledger/audience.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/deal.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::DrawAnswer;
using campaign::DrawCommand;
using campaign::Reason;
using campaign::Trigger;

DrawAnswer deny(Context& context, const Occasion& occasion, std::string campaign, Reason reason) {
  DrawAnswer answer{DrawAnswer::Result::denied, std::move(campaign), std::nullopt, std::nullopt, reason};
  context.emit(Stream::ledger, "shake.denied", occasion.shopper.subject, draw_data(occasion, answer, ""));
  return answer;
}

/// The first campaign that takes this shopper decides; when none does, the first one's reason is the answer.
DrawAnswer draw_anew(Context& context, const DrawCommand& command) {
  const auto shopper = known_to(context, command.shopper, command.known_as, Trigger::shake);
  const auto names = names_of(context.settings, shopper.subject, command.known_as);
  const Occasion occasion{command.nonce_hash, command.mode, shopper, names};
  const Campaigns::Entry* first = nullptr;
  Reason reason = Reason::not_found;
  for (const auto* entry : context.campaigns.of(Trigger::shake)) {
    const auto& campaign = entry->campaign;
    auto refused = campaign::refused_by_rules(campaign, shopper, context.moment);
    if (!refused && is_held_out(context, campaign, shopper.subject, names)) refused = Reason::holdout;
    if (!refused) {
      const auto usage = usage_of(context, campaign, names);
      refused = campaign::refused_by_usage(campaign, usage, context.now);
      if (!refused) return deal(context, occasion, campaign, usage);
    }
    if (first == nullptr) {
      first = entry;
      reason = *refused;
    }
  }
  return deny(context, occasion, first == nullptr ? "" : first->campaign.id, reason);
}

}  // namespace

std::optional<DrawAnswer> answered_before(Db& db, const DrawCommand& command) {
  auto query = db.query("SELECT subject, answer FROM draw WHERE nonce_hash = ?");
  query.bind(command.nonce_hash);
  if (!query.next()) return std::nullopt;
  const auto drew = query.text(0);  // the name may have been renewed since
  if (drew == command.shopper.subject || std::ranges::find(command.known_as, drew) != command.known_as.end())
    return recall(db, query.text(1));
  return DrawAnswer{DrawAnswer::Result::denied, "", std::nullopt, std::nullopt, Reason::wrong_holder};
}

DrawAnswer draw(Context& context, const DrawCommand& command) {
  if (auto before = answered_before(context.db, command)) return *std::move(before);
  if (command.replay_only)
    return DrawAnswer{DrawAnswer::Result::denied, "", std::nullopt, std::nullopt, command.replay_only};
  auto answer = draw_anew(context, command);
  context.db.query("INSERT INTO draw (nonce_hash, subject, at_ms, answer) VALUES (?,?,?,?)")
      .bind(command.nonce_hash, command.shopper.subject, unix_ms(context.now), to_record(answer))
      .run();
  return answer;
}

}  // namespace foyer::ledger
