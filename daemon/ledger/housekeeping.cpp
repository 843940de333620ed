#include "ledger/housekeeping.hpp"

#include "base/lifetime.hpp"
#include "ledger/audience.hpp"
#include "ledger/broom.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/coupons.hpp"
#include "ledger/offers.hpp"
#include "ledger/orders.hpp"
#include "ledger/privacy.hpp"
#include "ledger/sessions.hpp"
#include "ledger/typed.hpp"

namespace foyer::ledger {
namespace {

void end_overdue_sessions(Context& context, Broom& broom) {
  std::vector<std::string> ids;
  {
    auto query = context.db.query("SELECT id FROM session WHERE until_ms <= ? ORDER BY until_ms LIMIT ?");
    query.bind(unix_ms(context.now - kSessionGrace), Broom::kRows);
    while (query.next()) ids.push_back(query.text(0));
  }
  for (const auto& id : ids) end_session(context, {id, "expired", 0, 0});
  broom.note(ids.size());
}

void forget_old_memories(Context& context, Broom& broom) {
  const auto before = [&](std::chrono::hours kept) { return unix_ms(context.now - kept); };
  broom.sweep("DELETE FROM till_answer WHERE key IN (SELECT key FROM till_answer WHERE at_ms < ? LIMIT ?)",
              before(kKeepTillAnswers));
  broom.sweep(
      "DELETE FROM draw WHERE nonce_hash IN (SELECT nonce_hash FROM draw WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
      before(kKeepDraws));
  broom.sweep(
      "DELETE FROM token_use WHERE (token_hash, device) IN "
      "(SELECT token_hash, device FROM token_use WHERE at_ms < ? LIMIT ?)",
      before(kKeepTokenUses));
  // Whoever invents MAC addresses with a poster in hand fills this table.
  if (const auto over = context.db.number("SELECT count(*) FROM token_use") - kMostTokenUses; over > 0)
    context.db
        .query(
            "DELETE FROM token_use WHERE (token_hash, device) IN "
            "(SELECT token_hash, device FROM token_use ORDER BY at_ms LIMIT ?)")
        .bind(over)
        .run();
  forget_typed(context, Broom::kRows);
  broom.sweep("DELETE FROM admission WHERE (day, device) IN (SELECT day, device FROM admission WHERE day < ? LIMIT ?)",
              context.today() - 1);
  broom.sweep(
      "DELETE FROM subject_use WHERE (campaign, who) IN "
      "(SELECT campaign, who FROM subject_use WHERE day < ? LIMIT ?)",
      context.today() - kKeepCountsDays);
}

/// The oldest rows of a stream, as far as every one of them is late. Never a row whose time was never right. Each piece
/// is told by a gap of its own: what was told may be sent already, and nothing that was sent is changed.
std::uint64_t drop_late(Context& context, Stream stream, Broom& broom) {
  std::uint64_t late = 0;
  for (const auto& stored : context.outbox.fetch(stream, 0, kLateAtOnce)) {
    const auto within = deliver_within(stored.event.type);
    if (!within || stored.time < context.settings.build_date || stored.time + *within > context.now) break;
    ++late;
  }
  if (late == kLateAtOnce) broom.note(Broom::kRows);
  return late > 0 ? context.outbox.drop_oldest(stream, late, "late", context.now, context.mono) : 0;
}

}  // namespace

Swept sweep(Context& context, bool room) {
  context.campaigns.mark_begun(context);
  // A clock that may be wrong ends nothing: what it would take away could not be given back.
  if (!context.clock_trusted || !context.clock_settled) return {};
  Swept swept;
  Broom broom(context.db);
  swept.late_presence = drop_late(context, Stream::presence, broom);
  swept.late_health = drop_late(context, Stream::health, broom);
  context.campaigns.return_over(context);
  sweep_offers(context, broom);
  sweep_audience(context, broom);
  close_funnel(context.db, context.now, context.today());
  if (room) broom.note(expire_coupons(context, Broom::kRows));
  end_overdue_sessions(context, broom);
  forget_old_memories(context, broom);
  forget_old(context, broom);
  forget_orders(context);
  swept.more = broom.more();
  return swept;
}

}  // namespace foyer::ledger
