// No table that a busy year fills is gone through whole where the others wait: by a sweep, an erasure or an export.
#include <sqlite3.h>

#include <map>

#include "ledger/broom.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/housekeeping.hpp"
#include "ledger/privacy.hpp"
#include "ledger/storage.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

class Scan : public World {
 protected:
  static constexpr int kRows = 3000;

  /// Fresh rows of other people in every table.
  void fill(Db& db) {
    const auto ms = std::to_string(unix_ms(now())), day = std::to_string(unix_ms(now()) / 86'400'000);
    const auto many = [&](const std::string& table, const std::string& values, int rows = kRows) {
      db.execute(
          fmt::format("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
                      "INSERT INTO {} SELECT {} FROM n",
                      rows, table, values));
    };
    db.execute("BEGIN");
    many("draw (nonce_hash, subject, at_ms, answer)", "'n' || i, 's' || i, " + ms + ", '{}'");
    many("till_answer (key, request, at_ms, answer)", "'k' || i, x'00', " + ms + ", '{}'");
    many("happening (instance, at_ms)", "'h' || i, " + ms);
    many("subject_use (campaign, who, total, day, day_total, last_draw_ms)",
         "'lunch', CAST('w' || i AS BLOB), 1, " + day + ", 1, " + ms);
    many("visit (subject, first_day, last_day)", "'s' || i, " + day + ", " + day);
    many("arm (campaign, who, held, day, returned, bought)", "'lunch', CAST('w' || i AS BLOB), 0, " + day + ", 0, 0");
    many("consent (subject, terms_hash, given_ms)", "'s' || i, 't', " + ms);
    many("offer (instance, subject, at_ms, trigger_name, zone, answer)",
         "'h' || i, 's' || i, " + ms + ", 'enter', '', '{}'");
    many(
        "coupon (id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
        "expires_ms, title, benefit, redeem_at)",
        "printf('%08xa', " + ms + " / 1000) || i, 'c' || i, 'lunch', 'p', 's' || i, 'issued', 1, 1, 0, 0, " + ms +
            ", " + ms + " + 999999999, '{}', '{\"kind\":\"gift\"}', '[]'");
    many(
        "sale (id, at_ms, store, terminal, operator, check_no, minor, currency, subject, coupon, issued, ended, "
        "ended_ms)",
        "printf('%08xa', " + ms + " / 1000) || i, " + ms + ", '', '', '', '', 1, 'CNY', 's' || i, '', '', '', 0");
    many("session (id, subject, device, pair, way, kind, zone, evidence, since_ms, until_ms)",
         "'i' || i, 's' || i, 'd', 'p' || i, 1, '', '', 1, " + ms + ", " + ms + " + 9999999",
         kRows / 3);  // those that are open now
    db.execute("COMMIT");
  }

  /// Steps through whole tables, by statement, of what `work` does.
  template <class Work>
  std::map<std::string, int> scanned(Work work) {
    auto storage = open_storage(settings());
    EXPECT_TRUE(storage);
    auto& db = *storage->db;
    fill(db);
    Outbox outbox(db, storage->boot_seq);
    outbox.load();
    Campaigns campaigns;
    campaigns.load(db);
    Tally tally;
    ConsentCache consents;
    const auto with = settings();
    const auto zone = campaign::ZoneTime::load("Asia/Shanghai").value();
    Context context{db, outbox, campaigns, tally, consents, with, zone, now()};
    context.moment = campaign::Moment::at(now(), true, zone);
    work(context);
    std::map<std::string, int> found;
    for (auto* one = sqlite3_next_stmt(db.handle(), nullptr); one != nullptr; one = sqlite3_next_stmt(db.handle(), one))
      if (const auto steps = sqlite3_stmt_status(one, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0); steps >= kRows / 2)
        found[sqlite3_sql(one)] = steps;
    return found;
  }
  using Found = std::map<std::string, int>;
};

TEST_F(Scan, ASweepLooksAtWhatIsOverAndNotAtTheRest) {
  EXPECT_EQ(scanned([](Context& context) { EXPECT_FALSE(sweep(context, true).more); }), Found{});
}

TEST_F(Scan, AnErasureLooksAtWhatIsTheirs) {
  EXPECT_EQ(scanned([](Context& context) { erase(context, {"s7", "s8", "unknown"}, false); }), Found{});
}

TEST_F(Scan, AnExportLooksAtWhatIsTheirs) {
  EXPECT_EQ(scanned([](Context& context) {
              EXPECT_NE(export_of(context.db, context.settings, context.now, {"s7", "unknown"}).find("s7"),
                        std::string::npos);
            }),
            Found{});
}

}  // namespace
}  // namespace foyer::ledger
