#include <map>

#include "ledger/outbox.hpp"
#include "ledger/sqlite.hpp"
#include "ledger/storage.hpp"
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
  /// How many values of each table hold this text.
  std::map<std::string, std::int64_t> rows_with(const std::string& text) {
    ledger_.reset();
    std::map<std::string, std::int64_t> rows;
    Db db(path(), Db::Mode::read_only, "");
    auto columns =
        db.query("SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'");
    while (columns.next()) {
      const auto found = db.number(fmt::format("SELECT count(*) FROM {} WHERE instr(CAST({} AS TEXT), '{}') > 0",
                                               columns.text(0), columns.text(1), text));
      if (found > 0) rows[columns.text(0)] += found;
    }
    open();
    return rows;
  }
  /// An outbox that nobody took for a long time: so many visits, every tenth of alice.
  void be_behind(std::int64_t rows) {
    ledger_.reset();
    Db db(path(), Db::Mode::read_write, "");
    db.execute(fmt::format(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {0}) "
        "INSERT INTO outbox SELECT 2, i, 'presence.entered', iif(i % 10 = 0, 'alice', 'bob'), '{{}}', 0, 1, 0 FROM n; "
        "INSERT OR REPLACE INTO stream SELECT 2, count(*), 0, count(*), sum(length(type) + length(subject) + "
        "length(data)), 0 FROM outbox WHERE stream = 2",
        rows));
    open();
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
  EXPECT_GT(rows_with(alice).size(), 6u);
  ASSERT_TRUE(ledger_->erase({alice}, kDeadline));
  EXPECT_EQ(rows_with(alice), (std::map<std::string, std::int64_t>{{"outbox", 1}}));
}

TEST_F(Privacy, TakingTheConsentBackRemovesEveryNameOfThePersonToo) {
  const std::string today = "alice-with-a-long-name", yesterday = "alice-before";
  open();
  auto welcome = sure_win("welcome");
  welcome.trigger = campaign::Trigger::enter;
  apply({sure_win(), welcome});
  for (const auto& name : {yesterday, today}) live(name);
  be_known(today);
  const auto sessions = ledger_->sessions(kDeadline).value();
  for (const auto& session : sessions) ASSERT_TRUE(ledger_->end_session({session.id, "left", 0, 0}, kDeadline));
  const auto before = rows_with("alice-");
  EXPECT_GT(before.size(), 5u);
  EXPECT_TRUE(before.contains("sale"));
  ASSERT_TRUE(ledger_->withdraw_consent({today, yesterday, "alice-of-old"}, kDeadline));
  EXPECT_EQ(rows_with("alice-"), (std::map<std::string, std::int64_t>{{"outbox", 2}})) << "one word for each name";
  EXPECT_EQ(rows_with("alice-of-old"), (std::map<std::string, std::int64_t>{})) << "nothing was known of it";
}

TEST_F(Privacy, AStrangerWhoErasesThemselvesCostsNothing) {
  open();
  const auto last_seq = [&] { return ledger_->streams(kDeadline).value().at(Stream::ledger).last_seq; };
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(ledger_->erase({fmt::format("n{}", i), "nobody", ""}, kDeadline));
    ASSERT_TRUE(ledger_->withdraw_consent({fmt::format("n{}", i), "nobody", ""}, kDeadline));
  }
  EXPECT_EQ(last_seq(), 0u);
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ledger_->erase({"alice"}, kDeadline));
  EXPECT_EQ(types(Stream::ledger), (std::vector<std::string>{"consent.given", "consent.withdrawn"})) << "once";
  ASSERT_TRUE(ledger_->erase_named("whose-rows-went-long-ago", kDeadline));
  EXPECT_EQ(last_seq(), 3u) << "the operator's word goes upstream";
}

TEST_F(Privacy, OneNameCannotFillTheRecordOfConsents) {
  open();
  for (int i = 0; i < 30; ++i) {
    pass(1s);
    ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
    pass(1s);
    ASSERT_TRUE(ledger_->withdraw_consent({"alice"}, kDeadline));
  }
  const auto consents = exported("alice")["subjects"][0]["consents"];
  ASSERT_EQ(consents.size(), 20u);
  EXPECT_EQ(consents[19]["at"], to_rfc3339(now())) << "the newest stay";
}

TEST_F(Privacy, WhatADeadNameAgreedToGoesAndItsProofStays) {
  auto sweeping = settings();
  sweeping.sweep_every = 1ms;
  open(sweeping);
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  pass(24h * 8);
  const auto commits = ledger_->figures().commits;
  ASSERT_TRUE(eventually([&] { return ledger_->figures().commits > commits + 2; }));
  EXPECT_EQ(ledger_->consented("alice", kDeadline).value(), "terms-1") << "names live for eight days";
  pass(24h * 2);
  EXPECT_TRUE(eventually([&] { return !ledger_->consented("alice", kDeadline).value(); }));
  EXPECT_EQ(exported("alice")["subjects"][0]["consents"].size(), 1u);
}

TEST_F(Privacy, NoPieceOfALongOutboxIsLong) {
  open();
  be_behind(20'000);
  ledger_.reset();
  const auto storage = open_storage(settings());
  ASSERT_TRUE(storage);
  Outbox outbox(*storage->db, storage->boot_seq);
  outbox.load();
  const auto named = [&] { return storage->db->number("SELECT count(*) FROM outbox WHERE subject = 'alice'"); };
  ASSERT_EQ(named(), 2'000);
  outbox.blank({"alice"});
  int pieces = 1;
  EXPECT_EQ(named(), 2'000 - static_cast<std::int64_t>(Outbox::kBlankRows / 10));
  for (; outbox.blanking(); ++pieces) outbox.blank_some();
  EXPECT_EQ(pieces, 5);
  EXPECT_EQ(named(), 0);
  EXPECT_EQ(storage->db->number("SELECT count(*) FROM erasure"), 0);
}

TEST_F(Privacy, ALongOutboxIsGoneThroughAlsoAcrossARestart) {
  constexpr std::int64_t kRows = 30'000;
  open();
  be_behind(kRows);
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  ASSERT_TRUE(ledger_->erase({"alice"}, kDeadline));
  open();
  const auto left = [&] {
    std::size_t named = 0;
    for (const auto& event : events(Stream::presence)) named += event.event.subject == "alice";
    return named;
  };
  EXPECT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(events(Stream::presence).size(), static_cast<std::size_t>(kRows)) << "the visits stay, of nobody";
  EXPECT_EQ(events(Stream::ledger).back().event.subject, "alice") << "but the word that she is erased";
  const auto told = ledger_->streams(kDeadline).value().at(Stream::presence).bytes;
  std::uint64_t bytes = 0;
  for (const auto& [event, seq, time] : events(Stream::presence))
    bytes += event.type.size() + event.subject.size() + event.data.size();
  EXPECT_EQ(told, bytes) << "and the count of bytes is right";
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
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-1", kDeadline));
  pass(1h);
  ASSERT_TRUE(ledger_->give_consent("alice", "terms-2", kDeadline));
  pass(1h);
  ASSERT_TRUE(ledger_->withdraw_consent({"alice"}, kDeadline));
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
