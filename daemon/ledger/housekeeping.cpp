#include "ledger/housekeeping.hpp"

#include "ledger/audience.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/coupons.hpp"
#include "ledger/offers.hpp"
#include "ledger/privacy.hpp"
#include "ledger/sessions.hpp"
#include "ledger/typed.hpp"

namespace foyer::ledger {
namespace {

void end_overdue_sessions(Context& context) {
  std::vector<std::string> ids;
  {
    auto query = context.db.query("SELECT id FROM session WHERE until_ms <= ? ORDER BY until_ms LIMIT ?");
    query.bind(unix_ms(context.now - kSessionGrace), kSweepRows);
    while (query.next()) ids.push_back(query.text(0));
  }
  for (const auto& id : ids) end_session(context, {id, "expired", 0, 0});
}

void forget_old_memories(Context& context) {
  auto& db = context.db;
  const auto before = [&](std::chrono::hours kept) { return unix_ms(context.now - kept); };
  db.query("DELETE FROM till_answer WHERE key IN (SELECT key FROM till_answer WHERE at_ms < ? LIMIT ?)")
      .bind(before(kKeepTillAnswers), kSweepRows)
      .run();
  db.query("DELETE FROM draw WHERE nonce_hash IN (SELECT nonce_hash FROM draw WHERE at_ms < ? ORDER BY at_ms LIMIT ?)")
      .bind(before(kKeepDraws), kSweepRows)
      .run();
  db.query(
        "DELETE FROM token_use WHERE (token_hash, device) IN "
        "(SELECT token_hash, device FROM token_use WHERE at_ms < ? LIMIT ?)")
      .bind(before(kKeepTokenUses), kSweepRows)
      .run();
  // Whoever invents MAC addresses with a poster in hand fills this table.
  if (const auto over = db.number("SELECT count(*) FROM token_use") - kMostTokenUses; over > 0)
    db.query(
          "DELETE FROM token_use WHERE (token_hash, device) IN "
          "(SELECT token_hash, device FROM token_use ORDER BY at_ms LIMIT ?)")
        .bind(over)
        .run();
  forget_typed(context, kSweepRows);
  db.query("DELETE FROM admission WHERE (day, device) IN (SELECT day, device FROM admission WHERE day < ? LIMIT ?)")
      .bind(context.today() - 1, kSweepRows)
      .run();
  db.query(
        "DELETE FROM subject_use WHERE (campaign, who) IN "
        "(SELECT campaign, who FROM subject_use WHERE total = 0 AND last_draw_ms < ? LIMIT ?)")
      .bind(before(kKeepIdleCounts), kSweepRows)
      .run();
}

}  // namespace

void sweep(Context& context) {
  context.campaigns.mark_begun(context);
  // A clock that is known to be wrong ends nothing: what it would take away could not be given back.
  if (!context.clock_trusted) return;
  context.campaigns.return_over(context);
  sweep_offers(context);
  sweep_audience(context);
  close_funnel(context.db, context.now, context.today());
  expire_coupons(context, kSweepRows);
  end_overdue_sessions(context);
  forget_old_memories(context);
  forget_old(context, kSweepRows);
}

}  // namespace foyer::ledger
