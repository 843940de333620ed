#include <map>

#include "ledger/sqlite.hpp"
#include "till_world.hpp"

namespace foyer::ledger {
namespace {

class Privacy : public Till {
 protected:
  void live(const std::string& subject) {
    campaign::AdmitCommand command;
    command.session = {
        std::to_string(subject.size()), subject, "device", "pair-" + subject, Way::link, "poster", "", 1, now(),
        now() + std::chrono::hours(2)};
    command.consent = true;
    command.terms_hash = "terms-1";
    ASSERT_TRUE(ledger_->admit(command, kDeadline));
    code_ = winning_code("n" + std::to_string(subject.size()), subject);
    auto use = request(code_, "key-" + std::to_string(subject.size()));
    use.amount = Money{8000, "CNY"};
    ASSERT_FALSE(redeem(use).refused);
    ASSERT_FALSE(ask(TillAction::sale, use_without_key(use)).refused);
  }
  static TillRequest use_without_key(TillRequest request) {
    request.idempotency_key.clear();
    return request;
  }
  nlohmann::json exported(const std::string& subject) {
    return nlohmann::json::parse(ledger_->export_of({subject}, kDeadline).value());
  }
  /// Something of every kind that is kept about a person, beside what live() leaves.
  void be_known(const std::string& subject) {
    ASSERT_TRUE(ledger_->set_segments(subject, {"gold"}, kDeadline));
    ASSERT_EQ(
        ledger_
            ->happen({campaign::Trigger::enter, "enter|1", {subject, 4, "entrance", false}, {subject}, ""}, kDeadline)
            ->offers.size(),
        1u);
  }
  std::string code_;
};

TEST_F(Privacy, TheExportHasEverythingAndNobodyElse) {
  open();
  auto welcome = sure_win("welcome");
  welcome.trigger = campaign::Trigger::enter;
  apply({sure_win(), welcome});
  live("alice");
  be_known("alice");
  live("bob");
  const auto all = exported("alice");
  ASSERT_EQ(all["subjects"].size(), 1u);
  const auto& alice = all["subjects"][0];
  EXPECT_EQ(alice["consents"][0]["terms_hash"], "terms-1");
  EXPECT_EQ(alice["consents"][0]["given"], true);
  EXPECT_EQ(alice["sessions"].size(), 1u);
  EXPECT_EQ(alice["draws"].size(), 1u);
  EXPECT_EQ(alice["coupons"].size(), 2u);
  EXPECT_EQ(alice["coupons"][0]["uses"].size() + alice["coupons"][1]["uses"].size(), 1u);
  EXPECT_EQ(alice["visits"], nlohmann::json::parse(R"([{"first_day": "2026-11-22", "last_day": "2026-11-22"}])"));
  EXPECT_EQ(alice["segments"], nlohmann::json{"gold"});
  ASSERT_EQ(alice["offers"].size(), 1u);
  EXPECT_EQ(alice["offers"][0]["campaign"], "welcome");
  EXPECT_EQ(alice["offers"][0]["trigger"], "enter");
  EXPECT_EQ(alice["offers"][0]["at"], "2026-11-22T02:00:00.000Z");
  EXPECT_EQ(alice["sales"][0]["check_no"], "42");
  EXPECT_EQ(all.dump().find("bob"), std::string::npos);
  EXPECT_TRUE(exported("carol")["subjects"].empty());
}

TEST_F(Privacy, ErasingRemovesThePersonAndKeepsTheAccounts) {
  open();
  apply({sure_win()});
  live("alice-with-a-long-name");
  const auto redeemed = count(Stream::ledger, "coupon.redeemed"), sales = count(Stream::ledger, "sale.recorded");
  ASSERT_TRUE(ledger_->erase({"alice-with-a-long-name"}, kDeadline));
  EXPECT_TRUE(ledger_->sessions(kDeadline).value().empty());
  EXPECT_TRUE(ledger_->coupons_of("alice-with-a-long-name", kDeadline).value().empty());
  EXPECT_EQ(count(Stream::ledger, "coupon.redeemed"), redeemed);
  EXPECT_EQ(count(Stream::ledger, "sale.recorded"), sales);
  EXPECT_EQ(ledger_->coupon_by_code(code_, kDeadline).value()->state, CouponState::redeemed);
  EXPECT_EQ(last(Stream::ledger, "wifi.ended")["reason"], "erased");
  for (const auto& event : events(Stream::ledger)) {
    if (event.event.type == "consent.withdrawn") continue;
    EXPECT_NE(event.event.subject, "alice-with-a-long-name") << event.event.type;
    EXPECT_EQ(event.event.data.find("alice-with-a-long-name"), std::string::npos) << event.event.type;
  }
  const auto left = exported("alice-with-a-long-name");
  ASSERT_EQ(left["subjects"].size(), 1u) << "the proof of consent remains, and its withdrawal";
  EXPECT_EQ(left["subjects"][0]["consents"].size(), 2u);
  EXPECT_EQ(left["subjects"][0]["consents"][1]["given"], false);
  EXPECT_TRUE(left["subjects"][0]["sales"].empty());
}

TEST_F(Privacy, AfterErasingNoRowOfAnyTableHasTheNameButTheWordThatItIsErased) {
  const std::string alice = "alice-with-a-long-name";
  open();
  auto welcome = sure_win("welcome");
  welcome.trigger = campaign::Trigger::enter;
  apply({sure_win(), welcome});
  live(alice);
  be_known(alice);
  const auto rows_with_the_name = [&] {
    ledger_.reset();
    std::map<std::string, std::int64_t> rows;
    Db db(path(), Db::Mode::read_only, "");
    auto columns =
        db.query("SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'");
    while (columns.next()) {
      const auto found = db.number(fmt::format("SELECT count(*) FROM {} WHERE instr(CAST({} AS TEXT), '{}') > 0",
                                               columns.text(0), columns.text(1), alice));
      if (found > 0) rows[columns.text(0)] += found;
    }
    open();
    return rows;
  };
  EXPECT_GT(rows_with_the_name().size(), 6u);
  ASSERT_TRUE(ledger_->erase({alice}, kDeadline));
  EXPECT_EQ(rows_with_the_name(), (std::map<std::string, std::int64_t>{{"outbox", 1}}));
}

TEST_F(Privacy, ErasingIsNoWayRoundACap) {
  open();
  auto campaign = sure_win();
  campaign.limits.subject_total = 1;
  apply({campaign});
  draw("n1");
  ASSERT_TRUE(ledger_->erase({"alice"}, kDeadline));
  EXPECT_EQ(draw("n2").reason, Reason::subject_cap);
}

TEST_F(Privacy, ConsentIsKeptWithTextAndTimeEachTimeItChanges) {
  open();
  ASSERT_TRUE(ledger_->consent("alice", true, "terms-1", kDeadline));
  ASSERT_TRUE(ledger_->consent("alice", true, "terms-1", kDeadline));
  pass(1h);
  ASSERT_TRUE(ledger_->consent("alice", true, "terms-2", kDeadline));
  pass(1h);
  ASSERT_TRUE(ledger_->consent("alice", false, "", kDeadline));
  const auto consents = exported("alice")["subjects"][0]["consents"];
  ASSERT_EQ(consents.size(), 3u);
  EXPECT_EQ(consents[0]["terms_hash"], "terms-1");
  EXPECT_EQ(consents[1]["terms_hash"], "terms-2");
  EXPECT_EQ(consents[2]["given"], false);
  EXPECT_EQ(consents[2]["terms_hash"], "terms-2") << "which text it was that is no longer agreed to";
}

TEST_F(Privacy, RowsGoWhenTheirTimeIsOver) {
  auto keeping = settings();
  keeping.keep = {24h * 10, 24h * 10, 24h * 20, 24h * 20};
  keeping.sweep_every = 1ms;
  open(keeping);
  apply({sure_win()});
  live("alice");
  EXPECT_EQ(exported("alice")["subjects"][0]["sales"].size(), 1u);
  pass(24h * 12);  // the coupon ended after one day
  EXPECT_TRUE(eventually([&] {
    const auto all = exported("alice")["subjects"];
    return all.size() == 1 && all[0]["sales"].empty() && all[0]["coupons"].empty();
  }));
  EXPECT_EQ(exported("alice")["subjects"][0]["consents"].size(), 1u);
  pass(24h * 10);
  EXPECT_TRUE(eventually([&] { return exported("alice")["subjects"].empty(); }));
}

}  // namespace
}  // namespace foyer::ledger
