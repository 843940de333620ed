#include "ledger/storage.hpp"

#include <fstream>

#include "ledger/migrate.hpp"
#include "ledger/writer.hpp"
#include "paths.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

class StorageTest : public World {
 protected:
  /// Every object of the schema as its SQL without comments and white space.
  std::vector<std::string> schema_of(Db& db) {
    std::vector<std::string> objects;
    auto query = db.query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name");
    while (query.next()) {
      std::string plain;
      bool comment = false;
      const auto sql = query.text(0);
      for (std::size_t i = 0; i < sql.size(); ++i) {
        if (sql.compare(i, 2, "--") == 0) comment = true;
        if (sql[i] == '\n') comment = false;
        if (!comment && !std::isspace(static_cast<unsigned char>(sql[i]))) plain += sql[i];
      }
      objects.push_back(plain);
    }
    return objects;
  }
  static void write_all(const std::string& file, const std::string& content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
  }
  /// A closed database with `draws` wins in it.
  void fill(int draws) {
    open();
    apply({sure_win()});
    in_parallel(8, [&](int t) {
      for (int i = t; i < draws; i += 8)
        EXPECT_TRUE(ledger_->draw(shake(fmt::format("n{}", i), fmt::format("s{}", i)), kDeadline));
    });
    ledger_.reset();
  }
};

TEST_F(StorageTest, SchemaFileIsTheSumOfTheMigrations) {
  Db migrated(dir_ + "/a.db", Db::Mode::read_write, "");
  ASSERT_TRUE(migrate(migrated));
  Db written(dir_ + "/b.db", Db::Mode::read_write, "");
  written.execute(test::slurp(FOYER_SOURCE_DIR "/daemon/ledger/schema.sql"));
  EXPECT_EQ(schema_of(migrated), schema_of(written));
  EXPECT_GT(schema_of(migrated).size(), 10u);
  EXPECT_EQ(migrated.number("PRAGMA user_version"), newest_version());
}

TEST_F(StorageTest, FailingMigrationLeavesTheOldSchema) {
  Db db(path(), Db::Mode::read_write, "");
  const embedded::File files[] = {{"0001-a.sql", "CREATE TABLE a (x INTEGER) STRICT;"},
                                  {"0002-b.sql", "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE a (x);"}};
  EXPECT_THROW((void)migrate(db, files), SqlError);
  EXPECT_EQ(db.number("PRAGMA user_version"), 1);
  EXPECT_EQ(schema_of(db).size(), 1u);
}

TEST_F(StorageTest, EpochStaysAndBootsCount) {
  const auto epoch = open().epoch();
  EXPECT_EQ(epoch.size(), 16u);
  EXPECT_TRUE(ledger_->opened().fresh);
  EXPECT_EQ(ledger_->boot_seq(), 1u);
  EXPECT_EQ(open().epoch(), epoch);
  EXPECT_FALSE(ledger_->opened().fresh);
  EXPECT_EQ(ledger_->boot_seq(), 2u);
  EXPECT_EQ(std::filesystem::status(path()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(StorageTest, SecondOpenIsRefusedWhileTheFirstLives) {
  open();
  const auto second = Ledger::open(settings());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::fatal);
  EXPECT_NE(second.error().message.find("another process"), std::string::npos);
  open();
}

TEST_F(StorageTest, LaterSchemaIsRefusedUnharmed) {
  fill(3);
  {
    Db db(path(), Db::Mode::read_write, "");
    db.execute(fmt::format("PRAGMA user_version = {}", newest_version() + 1));
  }
  const auto before = test::slurp(path());
  const auto opened = Ledger::open(settings());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::fatal);
  EXPECT_NE(opened.error().message.find("later"), std::string::npos);
  EXPECT_EQ(test::slurp(path()), before);
  EXPECT_FALSE(std::filesystem::exists(path() + ".damaged-1"));
}

TEST_F(StorageTest, BadTimeZoneIsAnError) {
  auto bad = settings();
  bad.timezone = "Mars/Olympus";
  EXPECT_FALSE(Ledger::open(bad));
}

TEST_F(StorageTest, GarbageIsSetAsideAndTheStartGoesOn) {
  const std::string garbage(9000, 'x');
  write_all(path(), garbage);
  open();
  EXPECT_TRUE(ledger_->opened().fresh);
  EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-1");
  EXPECT_EQ(ledger_->opened().kept, 0u);
  EXPECT_GT(ledger_->opened().lost, 0u);
  EXPECT_EQ(test::slurp(path() + ".damaged-1"), garbage) << "never changed";
  EXPECT_EQ(last(Stream::health, "storage.recovered")["set_aside"], path() + ".damaged-1");
  ledger_.reset();
  write_all(path(), garbage);
  open();
  EXPECT_EQ(ledger_->opened().set_aside, path() + ".damaged-2");
}

TEST_F(StorageTest, AnOverwrittenPageLosesOnlyWhatWasOnIt) {
  fill(600);
  auto content = test::slurp(path());
  std::vector<std::size_t> leaves;  // of the outbox: file format 1.6, a leaf page begins with 0x0a
  for (std::size_t at = 1; at < content.size() / 4096; ++at)
    if (content[at * 4096] == '\x0a' && content.substr(at * 4096, 4096).find("coupon.issued") != std::string::npos)
      leaves.push_back(at);
  ASSERT_GT(leaves.size(), 10u);
  const auto page = leaves[leaves.size() / 2];
  content.replace(page * 4096, 4096, std::string(4096, '\xa5'));
  write_all(path(), content);
  open();
  const auto& opened = ledger_->opened();
  EXPECT_TRUE(opened.fresh);
  EXPECT_FALSE(opened.set_aside.empty());
  EXPECT_GT(opened.lost, 0u);
  EXPECT_GT(opened.kept, 1500u);
  EXPECT_EQ(test::slurp(opened.set_aside), content);
  EXPECT_EQ(last(Stream::health, "storage.recovered")["kept"], opened.kept);
  EXPECT_EQ(last(Stream::health, "storage.recovered")["lost"], opened.lost);
  expect_no_gaps(Stream::ledger);
  EXPECT_GT(count(Stream::ledger, "shake.won"), 500u);
  EXPECT_EQ(ledger_->campaigns(kDeadline).value().size(), 1u);
  int known = 0;
  for (int i = 0; i < 600; ++i) known += !ledger_->coupons_of(fmt::format("s{}", i), kDeadline).value().empty();
  EXPECT_GT(known, 500);
  EXPECT_EQ(draw("after").result, campaign::DrawAnswer::Result::won);
}

TEST_F(StorageTest, TruncatedIsSetAsideAndTheStartGoesOn) {
  fill(900);  // which rows are in the first half is by chance: codes and ids are
  const auto epoch = open().epoch();
  ledger_.reset();
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) / 2 / 4096 * 4096);
  open();
  EXPECT_NE(ledger_->epoch(), epoch);
  EXPECT_FALSE(ledger_->opened().set_aside.empty());
  EXPECT_GT(ledger_->opened().lost, 0u);
  EXPECT_GT(ledger_->opened().kept, 100u) << "what is in the half that is left";
  apply({sure_win("after")}, "mqtt:after");
  EXPECT_EQ(draw("after").result, campaign::DrawAnswer::Result::won);
  expect_no_gaps(Stream::ledger);
}

TEST_F(StorageTest, FullDropsHealthThenPresenceNeverLedgerAndRecovers) {
  auto small = settings();
  small.max_bytes = 2 << 20;
  open(small);
  apply({sure_win()});
  const std::string filler(400, 'f');
  const auto record = [&](Stream stream, const std::string& type) {
    std::vector<Event> events(20, Event{stream, type, "", "{\"f\":\"" + filler + "\"}"});
    return eventually([&] { return ledger_->record(events); });
  };
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(record(Stream::presence, "beacon.seen"));
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(record(Stream::health, "radio.degraded"));
  ASSERT_TRUE(eventually([&] { return count(Stream::health, "outbox.gap") > 0; }));
  auto gap = last(Stream::health, "outbox.gap");
  EXPECT_EQ(gap["stream"], "health");
  EXPECT_EQ(ledger_->streams(kDeadline).value()[Stream::presence].rows, 800u) << "health goes first";

  std::uint64_t wins = 0;
  Result<campaign::DrawAnswer> answer;
  for (int i = 0; i < 20'000; ++i) {
    answer = ledger_->draw(shake(fmt::format("n{}", i), fmt::format("s{}", i)), kDeadline);
    if (!answer) break;
    ++wins;
  }
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::retry);
  EXPECT_EQ(answer.error().message, "overloaded: storage is full");
  EXPECT_TRUE(ledger_->figures().full);
  auto states = ledger_->streams(kDeadline).value();
  EXPECT_LE(states[Stream::presence].rows, 64u);
  EXPECT_EQ(states[Stream::ledger].rows, states[Stream::ledger].last_seq) << "ledger rows are never dropped";
  EXPECT_EQ(count(Stream::ledger, "shake.won"), wins);
  expect_no_gaps(Stream::ledger);

  // What is gone and what is told as gone are the same, for both streams.
  std::map<std::string, std::uint64_t> told;
  for (const auto& event : events(Stream::health)) {
    if (event.event.type != "outbox.gap") continue;
    const auto data = nlohmann::json::parse(event.event.data);
    EXPECT_EQ(data["count"], data["last"].get<std::uint64_t>() - data["first"].get<std::uint64_t>() + 1);
    EXPECT_EQ(data["reason"], "storage is full");
    told[data["stream"]] += data["count"].get<std::uint64_t>();
  }
  EXPECT_EQ(told["health"], states[Stream::health].last_seq - states[Stream::health].rows);
  EXPECT_EQ(told["presence"], states[Stream::presence].last_seq - states[Stream::presence].rows);

  ledger_->forget(Stream::ledger, states[Stream::ledger].last_seq);
  EXPECT_TRUE(eventually([&] { return ledger_->draw(shake("later", "late"), kDeadline).has_value(); }));
  EXPECT_FALSE(ledger_->figures().full);
}

/// A file that is full: no page is free, none may be added, and decisions are refused.
class FullTest : public StorageTest {
 protected:
  FullTest() {
    small_ = settings();
    small_.max_bytes = 1 << 20;
  }
  void fill_up() {
    StorageTest::fill_up(small_, {sure_win(), sure_win("other")});
    ledger_.reset();
  }
  Settings small_;
};

TEST_F(FullTest, TheSameCampaignsAreAppliedAndOthersAreToComeAgain) {
  fill_up();
  open(small_);
  ASSERT_TRUE(ledger_->figures().full);
  const auto same = ledger_->apply_campaigns("file", {sure_win("other"), sure_win()}, kDeadline);
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(same->applied, (std::vector<std::string>{"other", "lunch"}));
  EXPECT_TRUE(same->refused.empty());
  auto changed = sure_win();
  changed.paused = true;
  EXPECT_EQ(ledger_->apply_campaigns("file", {sure_win("other"), changed}, kDeadline).error().code, Code::retry);
  EXPECT_EQ(ledger_->apply_campaigns("file", {sure_win()}, kDeadline).error().code, Code::retry) << "one is gone";
  EXPECT_EQ(ledger_->apply_campaigns("file", {sure_win(), sure_win()}, kDeadline).error().code, Code::retry);
  EXPECT_EQ(ledger_->apply_campaigns("mqtt:lunch", {sure_win()}, kDeadline).error().code, Code::retry);
  EXPECT_EQ(ledger_->campaigns(kDeadline).value().size(), 2u);
}

TEST_F(FullTest, WhatWasAnsweredIsAnsweredAgain) {
  open(small_);
  apply({sure_win(), sure_win("other")});
  const auto won = draw("first");
  ASSERT_TRUE(won.coupon);
  campaign::TillRequest use;
  use.action = campaign::TillAction::redeem;
  use.code = won.coupon->code;
  use.idempotency_key = "key";
  ASSERT_FALSE(ledger_->till(use, kDeadline)->refused);
  fill_up();
  open(small_);
  ASSERT_TRUE(ledger_->figures().full);
  const auto again = ledger_->draw(shake("first"), kDeadline);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->coupon->code, won.coupon->code);
  EXPECT_EQ(ledger_->draw(shake("first", "mallory"), kDeadline)->reason, campaign::Reason::wrong_holder);
  EXPECT_EQ(ledger_->draw(shake("second"), kDeadline).error().code, Code::retry);
  const auto used = ledger_->till(use, kDeadline);
  ASSERT_TRUE(used) << used.error().message;
  EXPECT_FALSE(used->refused);
  EXPECT_EQ(used->coupon->state, campaign::CouponState::redeemed);
  use.idempotency_key = "another";
  EXPECT_EQ(ledger_->till(use, kDeadline).error().code, Code::retry);
}

TEST_F(FullTest, OpensWithoutRoomForTheRowOfTheBootAndWritesItLater) {
  fill_up();
  {
    Db db(path(), Db::Mode::read_only, "");
    small_.max_bytes = static_cast<std::uint64_t>(db.number("PRAGMA page_count")) * 4096;
    small_.boot_id = std::string(static_cast<std::size_t>(db.number("PRAGMA freelist_count") + 2) * 4096, 'b');
  }
  open(small_);
  EXPECT_TRUE(ledger_->figures().full);
  EXPECT_EQ(ledger_->boot_seq(), 2u);
  EXPECT_TRUE(ledger_->apply_campaigns("file", {sure_win(), sure_win("other")}, kDeadline));
  const auto states = ledger_->streams(kDeadline).value();
  ledger_->forget(Stream::ledger, states.at(Stream::ledger).last_seq);
  EXPECT_TRUE(eventually([&] { return ledger_->draw(shake("later", "late"), kDeadline).has_value(); }));
  small_.boot_id = "next";
  EXPECT_EQ(open(small_).boot_seq(), 3u);
}

class WriterTest : public World {};

TEST_F(WriterTest, FailingCommandTakesItsEventsAndNumbersBackAloneInItsGroup) {
  auto settings = this->settings();
  auto storage = open_storage(settings);
  ASSERT_TRUE(storage);
  auto zone = campaign::ZoneTime::load(settings.timezone);
  Writer writer(settings, std::move(*storage), std::move(*zone));
  writer.start();
  std::atomic<int> good{0}, bad{0};
  in_parallel(40, [&](int i) {
    auto result = writer.command<int>(kDeadline, true, [i](Context& context) -> Result<int> {
      context.emit(Stream::ledger, "sale.recorded", "", {{"n", i}});
      if (i % 4 == 0) return fail(Code::refuse, "no");
      if (i % 4 == 1) context.db.execute("INSERT INTO nowhere VALUES (1)");
      return i;
    });
    (result ? good : bad) += 1;
  });
  EXPECT_EQ(good, 20);
  EXPECT_EQ(bad, 20);
  const auto rows =
      writer
          .question<std::vector<StoredEvent>>(kDeadline, [&] { return writer.outbox().fetch(Stream::ledger, 0, 100); })
          .value();
  ASSERT_EQ(rows.size(), 20u);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].seq, i + 1);
}

}  // namespace
}  // namespace foyer::ledger
