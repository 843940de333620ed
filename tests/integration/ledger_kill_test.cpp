// A process that is killed at any moment: what it said yes to is in the file.
#include <gtest/gtest.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "ledger/ledger.hpp"
#include "support/files.hpp"

namespace foyer::ledger {
namespace {

using namespace std::chrono_literals;

Settings settings_for(const std::string& path) {
  Settings settings;
  settings.path = path;
  settings.gateway = "gw-01";
  settings.store = "store-001";
  settings.holdout_key = Bytes(32, 7);
  settings.random = kernel_random;
  settings.wall = [] {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
  settings.mono = [] {
    return MonoTime{std::chrono::duration_cast<Mono::duration>(std::chrono::steady_clock::now().time_since_epoch())};
  };
  return settings;
}

campaign::Campaign sure_win() {
  campaign::Campaign campaign;
  campaign.id = "lunch";
  campaign.title = {{"en", "Lunch"}};
  campaign.limits.interval = 0s;
  campaign::Prize prize;
  prize.id = "gift";
  prize.kind = campaign::PrizeKind::coupon;
  prize.benefit.item = {{"en", "Tea"}};
  prize.valid.for_ = std::chrono::hours(24);
  campaign.prizes = {prize};
  return campaign;
}

/// Draws in four threads and writes "nonce coupon-id\n" to the pipe after each answer. Never returns.
[[noreturn]] void shop(const std::string& path, int out, int cycle) {
  auto ledger = Ledger::open(settings_for(path));
  if (!ledger) ::_exit(3);
  if (!(*ledger)->apply_campaigns("file", {sure_win()}, 5s)) ::_exit(4);
  const auto draw_on = [&](int thread) {
    for (int i = 0;; ++i) {
      const auto nonce = "n" + std::to_string(cycle) + "-" + std::to_string(thread) + "-" + std::to_string(i);
      const auto answer = (*ledger)->draw({nonce, {"s" + nonce, 3, "", false}, "session", "shake"}, 5s);
      if (!answer || !answer->coupon) ::_exit(5);
      const auto line = nonce + " " + answer->coupon->id + "\n";  // shorter than PIPE_BUF: written whole
      if (::write(out, line.data(), line.size()) < 0) ::_exit(6);
      if (!(*ledger)->record({{Stream::presence, "beacon.seen", "", "{}"}})) ::_exit(7);
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(draw_on, t);
  for (auto& thread : threads) thread.join();
  ::_exit(0);
}

/// Runs one shop, kills it some time after its first answer, and returns all complete lines it wrote.
std::vector<std::string> run_and_kill(const std::string& path, int cycle, std::chrono::microseconds after_first) {
  int ends[2];
  if (::pipe(ends) != 0) std::terminate();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    shop(path, ends[1], cycle);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[65536];
  bool killed = false;
  std::chrono::steady_clock::time_point kill_at{};
  for (;;) {
    pollfd wait{ends[0], POLLIN, 0};
    ::poll(&wait, 1, killed || text.empty() ? 20'000 : 1);
    if ((wait.revents & (POLLIN | POLLHUP)) != 0) {
      const auto got = ::read(ends[0], buffer, sizeof buffer);
      if (got <= 0) break;
      if (text.empty()) kill_at = std::chrono::steady_clock::now() + after_first;
      text.append(buffer, static_cast<std::size_t>(got));
    } else if (text.empty()) {
      ADD_FAILURE() << "the shop did not answer";
      ::kill(child, SIGKILL);
      killed = true;
    }
    if (!killed && !text.empty() && std::chrono::steady_clock::now() >= kill_at) {
      ::kill(child, SIGKILL);
      killed = true;
    }
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "exit status " << WEXITSTATUS(status);
  std::vector<std::string> lines;
  for (std::size_t from = 0, end = 0; (end = text.find('\n', from)) != std::string::npos; from = end + 1)
    lines.push_back(text.substr(from, end - from));
  return lines;
}

class Reader {
 public:
  explicit Reader(const std::string& path) {
    if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) std::terminate();
  }
  ~Reader() { sqlite3_close_v2(db_); }
  std::vector<std::string> column(const char* sql) {
    std::vector<std::string> values;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
    while (sqlite3_step(statement) == SQLITE_ROW)
      values.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
    sqlite3_finalize(statement);
    return values;
  }

 private:
  sqlite3* db_ = nullptr;
};

TEST(LedgerKill, EveryAnswerThatWasGivenIsInTheFile) {
  const test::Folder folder;
  const auto path = folder / "foyer.db";
  std::mt19937 seed(20261122);
  std::uniform_int_distribution<int> moment(0, 60'000);
  std::set<std::string> answered;
  constexpr int kLives = 30, kMostLives = 300;  // more than 30 where a busy machine answers little in each
  int cycle = 0;
  for (; cycle < kLives || (answered.size() <= 300 && cycle < kMostLives); ++cycle) {
    for (const auto& line : run_and_kill(path, cycle, std::chrono::microseconds(moment(seed)))) answered.insert(line);
    Reader reader(path);
    ASSERT_EQ(reader.column("PRAGMA quick_check"), std::vector<std::string>{"ok"});
    for (const char* stream : {"1", "2", "3"}) {
      const auto where = std::string(" FROM outbox WHERE stream = ") + stream;
      const auto rows = reader.column(("SELECT count(*)" + where).c_str());
      EXPECT_EQ(rows, reader.column(("SELECT ifnull(max(seq), 0)" + where).c_str())) << "a gap in stream " << stream;
      const auto counted = reader.column((std::string("SELECT last_seq FROM stream WHERE stream = ") + stream).c_str());
      if (!counted.empty()) {
        EXPECT_EQ(counted, rows);
      }
    }
    std::set<std::string> stored;
    for (auto& row : reader.column("SELECT nonce_hash || ' ' || json_extract(answer, '$.coupon') FROM draw "
                                   "JOIN coupon ON coupon.id = json_extract(answer, '$.coupon')"))
      stored.insert(std::move(row));
    std::size_t missing = 0;
    for (const auto& line : answered) missing += !stored.contains(line);
    ASSERT_EQ(missing, 0u) << "of " << answered.size() << " answers, after cycle " << cycle;
    EXPECT_EQ(reader.column("SELECT count(*) FROM outbox WHERE type = 'shake.won'").front(),
              std::to_string(stored.size()))
        << "a decision and its event are one";
  }
  EXPECT_GT(answered.size(), 300u);
  RecordProperty("answers", static_cast<int>(answered.size()));

  auto ledger = Ledger::open(settings_for(path));
  ASSERT_TRUE(ledger) << ledger.error().message;
  EXPECT_EQ((*ledger)->boot_seq(), static_cast<std::uint64_t>(cycle) + 1);
  EXPECT_TRUE((*ledger)->opened().set_aside.empty());
  const auto& sample = *answered.begin();
  const auto nonce = sample.substr(0, sample.find(' '));
  const auto again = (*ledger)->draw({nonce, {"s" + nonce, 3, "", false}, "session", "shake"}, 5s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->coupon->id, sample.substr(sample.find(' ') + 1));
  ledger->reset();
}

}  // namespace
}  // namespace foyer::ledger
