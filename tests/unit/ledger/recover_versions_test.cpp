// A damaged file of every earlier version of the schema.
#include <fstream>

#include "campaign/reader.hpp"
#include "ledger/migrate.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

class EarlierVersion : public World, public ::testing::WithParamInterface<int> {
 protected:
  static constexpr int kCoupons = 400;

  /// A file as a program of that version left it: its campaigns, coupons, counts, and one page overwritten.
  void leave_damaged(std::size_t version) {
    {
      Db db(path(), Db::Mode::read_write, "");
      db.execute("PRAGMA page_size = 4096; PRAGMA journal_mode = DELETE");
      ASSERT_TRUE(migrate(db, std::span(embedded::migrations).first(version)));
      ASSERT_EQ(db.number("PRAGMA user_version"), static_cast<std::int64_t>(version));
      db.execute(
          "INSERT INTO meta (key, value) VALUES ('epoch', '0123456789abcdef');"
          "INSERT INTO boot (seq, boot_id, opened_ms) VALUES (1, 'old', 1);"
          "INSERT INTO session (id, subject, device, pair, way, kind, zone, evidence, since_ms, until_ms) "
          "VALUES ('x1', 'alice', 'd', 'p', 1, 'poster', '', 1, 1, 1795399200000);"
          "INSERT INTO prize_use VALUES ('lunch', 'ten-off', 400, 0, 0)");
      db.query("INSERT INTO campaign (id, source, json, started, active, held) VALUES ('lunch', 'file', ?, 1, 1, 0)")
          .bind(campaign::to_json(sure_win()))
          .run();
      for (int i = 0; i < kCoupons; ++i)
        db.query(
              "INSERT INTO coupon (id, code, campaign, prize, subject, state, uses, uses_left, interval_s, "
              "last_used_ms, issued_ms, expires_ms, title, benefit, redeem_at) VALUES (?, ?, 'lunch', 'ten-off', ?, "
              "'issued', 1, 1, 0, 0, 1, 1795399200000, '{\"en\":\"Ten off\"}', "
              "'{\"kind\":\"gift\",\"item\":{\"en\":\"Tea\"}}', '[\"store-001\"]')")
            .bind(fmt::format("6ab{:05}", i), fmt::format("C{}", i), fmt::format("s{}", i))
            .run();
      // One page of the index by code: nothing that cannot be read another way, and a damaged file all the same.
      page_ = db.number("SELECT rootpage FROM sqlite_schema WHERE name = 'coupon_subject'");
    }
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((page_ - 1) * 4096);
    file << std::string(4096, '\xa5');
  }
  std::int64_t page_ = 0;
};

TEST_P(EarlierVersion, KeepsWhatItsDamagedFileHeld) {
  leave_damaged(static_cast<std::size_t>(GetParam()));
  open();
  ASSERT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
  for (int i = 0; i < kCoupons; ++i) {
    const auto mine = ledger_->coupons_of(fmt::format("s{}", i), kDeadline);
    ASSERT_TRUE(mine) << mine.error().message;
    ASSERT_EQ(mine->size(), 1u) << "coupon " << i;
  }
  EXPECT_EQ(ledger_->opened().lost, 0u);
  EXPECT_EQ(ledger_->sessions(kDeadline)->size(), 1u);
  ASSERT_EQ(ledger_->campaign_states(kDeadline)->size(), 1u) << "with a version, as its migration would give it";
  ledger_.reset();
  Db db(path(), Db::Mode::read_only, "");
  EXPECT_EQ(db.number("SELECT count(*) FROM campaign_version"), 1);
  EXPECT_EQ(db.number("SELECT issued FROM prize_use"), 400);
}

INSTANTIATE_TEST_SUITE_P(EveryVersion, EarlierVersion,
                         ::testing::Range(1, static_cast<int>(embedded::migrations.size()) + 1));

}  // namespace
}  // namespace foyer::ledger
