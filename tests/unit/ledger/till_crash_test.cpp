// Random histories at a till while the power is cut at every sync: no use too many, every accepted answer there and
// explained by the ledger alone.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "ledger/codec.hpp"
#include "support/crash_world.hpp"

namespace foyer::ledger {
namespace {

using campaign::TillAction;
using campaign::TillAnswer;
using campaign::TillRequest;

constexpr std::size_t kCoupons = 6;
constexpr int kSteps = 60;

campaign::Campaign two_uses(campaign::Campaign campaign) {
  campaign.prizes[0].uses = 2;
  campaign.prizes[0].valid.for_ = std::chrono::hours(2);
  return campaign;
}

class TillCrash : public CrashWorld, public ::testing::WithParamInterface<unsigned> {
 protected:
  /// A request as a till makes them: mostly sensible, sometimes late, doubled or with somebody else's reservation.
  TillRequest next_request() {
    TillRequest request;
    const auto pick = [this](std::size_t bound) { return static_cast<std::size_t>(random_() % bound); };
    const auto at = pick(codes_.size());
    request.code = codes_[at];
    request.check_no = std::to_string(pick(4));
    request.idempotency_key = "key-" + std::to_string(answered_.size());
    if (!answered_.empty() && pick(10) == 0) return answered_[pick(answered_.size())].first;  // asked again
    constexpr std::array kReasons{"refund", "mistake", "dispute"};
    switch (pick(6)) {
      case 0:
        request.action = TillAction::reserve;
        request.ttl = std::chrono::seconds(30 + pick(300));
        break;
      case 1:
        request.action = TillAction::void_;
        request.reason = kReasons[pick(3)];
        break;
      case 2:
        request.action = TillAction::sale;
        request.amount = Money{8000, "CNY"};
        break;
      default:
        request.action = TillAction::redeem;
        if (pick(2) == 0) request.reservation = held_[at];
    }
    return request;
  }

  /// What is left after a cut holds every answer that was given, and its own sums.
  void verify(const CrashDisk& disk, const std::string& when) {
    const auto storage = open_storage(settings(after_, disk));
    ASSERT_TRUE(storage) << when << ": " << storage.error().message;
    ASSERT_EQ(storage->opened.set_aside, "") << when;
    auto& db = *storage->db;
    const std::lock_guard lock(mutex_);
    ASSERT_EQ(db.number("SELECT count(*) FROM coupon WHERE uses_left + (SELECT count(*) FROM redemption WHERE "
                        "coupon = id AND ended IN ('', 'dispute')) != uses AND state != 'voided'"),
              0)
        << when << ": a use too many, or one that vanished";
    ASSERT_EQ(db.number("SELECT count(*) FROM coupon WHERE (state = 'redeemed') != (uses_left = 0)"), 0) << when;
    ASSERT_EQ(db.number("SELECT count(*) FROM coupon WHERE (state = 'reserved') != (reservation != '')"), 0) << when;
    ASSERT_EQ(db.number("SELECT count(*) FROM redemption"),
              db.number("SELECT count(*) FROM outbox WHERE type = 'coupon.redeemed'"))
        << when << ": a use and its event are one";
    ASSERT_EQ(db.number("SELECT count(*) FROM sale WHERE ended = ''") +
                  2 * db.number("SELECT count(*) FROM sale WHERE ended != ''"),
              db.number("SELECT count(*) FROM outbox WHERE type = 'sale.recorded'"))
        << when;
    ASSERT_LE(db.number("SELECT count(*) FROM till_answer"), static_cast<std::int64_t>(keys_.size()) + 1) << when;
    for (const auto& [key, record] : keys_) {
      auto query = db.query("SELECT answer FROM till_answer WHERE key = ?");
      query.bind(key);
      ASSERT_TRUE(query.next()) << when << ": the answer to " << key << " is lost";
      ASSERT_EQ(query.text(0), record) << when;
    }
  }

  /// A start after the cut: every till that asks again hears the same.
  void ask_again(const CrashDisk& disk) {
    auto ledger = Ledger::open(settings(after_, disk));
    ASSERT_TRUE(ledger) << ledger.error().message;
    for (const auto& [request, answer] : answered_) {
      const auto again = (*ledger)->till(request, kDeadline);
      ASSERT_TRUE(again);
      ASSERT_EQ(to_record(*again), to_record(answer)) << request.idempotency_key;
    }
  }

  std::mt19937_64 random_{GetParam()};
  std::vector<std::string> codes_;
  std::vector<std::string> held_;
  std::mutex mutex_;  // what was answered is read on the ledger's thread, where the power is cut
  std::vector<std::pair<TillRequest, TillAnswer>> answered_;
  std::map<std::string, std::string> keys_;
};

TEST_P(TillCrash, NoUseTooManyAndEveryAnswerIsThere) {
  CrashDisk disk;
  std::uint64_t syncs = 0;
  std::atomic<bool> begun{false};
  disk.on_sync([&] {
    if (!begun) return;
    ++syncs;
    for (std::uint64_t seed = 0; seed < 2 && !HasFatalFailure(); ++seed)
      verify(*disk.after_cut(syncs * 1000 + seed), fmt::format("cut at sync {}, seed {}", syncs, seed));
  });
  auto opened = Ledger::open(settings(live_, disk));
  ASSERT_TRUE(opened) << opened.error().message;
  auto& ledger = **opened;
  ASSERT_TRUE(ledger.apply_campaigns("file", {two_uses(sure_win())}, kDeadline));
  for (std::size_t i = 0; i < kCoupons; ++i) {
    const auto won = ledger.draw({fmt::format("n{}", i), {"s", 3, "", false}, "session", "shake"}, kDeadline);
    ASSERT_TRUE(won && won->coupon);
    codes_.push_back(won->coupon->code);
  }
  held_.resize(kCoupons);
  begun = true;
  for (int step = 0; step < kSteps && !HasFatalFailure(); ++step) {
    if (step % 20 == 19) ask_again(*disk.after_cut(static_cast<std::uint64_t>(step)));
    ms_ += static_cast<std::int64_t>(random_() % 90'000);
    const auto request = next_request();
    const auto answer = ledger.till(request, kDeadline);
    ASSERT_TRUE(answer) << answer.error().message;
    if (const auto known = keys_.find(request.idempotency_key); known != keys_.end()) {
      ASSERT_EQ(to_record(*answer), known->second) << "asked again";
      continue;
    }
    const std::lock_guard lock(mutex_);
    answered_.emplace_back(request, *answer);
    keys_[request.idempotency_key] = to_record(*answer);
    if (request.action == TillAction::reserve && !answer->refused) {
      const auto at = static_cast<std::size_t>(std::ranges::find(codes_, request.code) - codes_.begin());
      held_[at] = answer->coupon->reservation;
    }
  }
  EXPECT_GT(syncs, 40u);
  std::size_t used = 0;
  for (const auto& [request, answer] : answered_) used += request.action == TillAction::redeem && !answer.refused;
  EXPECT_GT(used, 3u) << "the history is one worth looking at";
}

INSTANTIATE_TEST_SUITE_P(Histories, TillCrash, ::testing::Values(1u, 2u));

// ---- the process dies between the commit and the answer -------------------------------------------------------

TillRequest redeem_once(const std::string& code) {
  TillRequest request;
  request.action = TillAction::redeem;
  request.code = code;
  request.idempotency_key = "till:once";
  return request;
}

/// Asks, and dies the moment the commit is on the disk. The ledger looks at its clock right before and right after the
/// commit; only after it has the write-ahead log grown.
template <class Ask>
[[noreturn]] void die_before_the_answer(Settings settings, Ask ask) {
  std::atomic<bool> asked{false};
  std::uintmax_t before = 0;
  const auto log = [&] {
    std::error_code error;
    const auto size = std::filesystem::file_size(settings.path + "-wal", error);
    return error ? std::uintmax_t{0} : size;
  };
  settings.mono = [&, usual = settings.mono] {
    if (asked && log() > before) ::raise(SIGKILL);
    return usual();
  };
  auto ledger = Ledger::open(settings);
  if (!ledger) ::_exit(3);
  before = log();
  asked = true;
  ask(**ledger);
  ::_exit(4);  // the answer came
}

class TillKill : public World {
 protected:
  /// What `ask` asks is committed, and nobody hears of it.
  template <class Ask>
  void kill_before_the_answer(Ask ask) {
    const pid_t child = ::fork();
    if (child == 0) die_before_the_answer(settings(), ask);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "exit status " << WEXITSTATUS(status);
  }
};

TEST_F(TillKill, BetweenTheCommitAndTheAnswerTheSameRequestGetsTheSameAnswer) {
  std::string code;
  {
    auto ledger = Ledger::open(settings());
    ASSERT_TRUE(ledger);
    ASSERT_TRUE((*ledger)->apply_campaigns("file", {two_uses(sure_win())}, kDeadline));
    const auto won = (*ledger)->draw({"n", {"s", 3, "", false}, "session", "shake"}, kDeadline);
    ASSERT_TRUE(won && won->coupon);
    code = won->coupon->code;
  }
  kill_before_the_answer([&](Ledger& ledger) { (void)ledger.till(redeem_once(code), kDeadline).has_value(); });
  auto ledger = Ledger::open(settings());
  ASSERT_TRUE(ledger);
  const auto again = (*ledger)->till(redeem_once(code), kDeadline);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->refused) << "it was redeemed before the power went: the till hears yes";
  EXPECT_EQ(again->coupon->uses_left, 1u) << "and it was redeemed once";
  EXPECT_EQ((*ledger)->coupon_by_code(code, kDeadline).value()->uses_left, 1u);
}

TEST_F(TillKill, BetweenTheCommitAndTheAnswerTheSameNonceGetsTheSameDraw) {
  {
    auto ledger = Ledger::open(settings());
    ASSERT_TRUE(ledger);
    auto campaign = sure_win();
    campaign.limits.subject_total = 1;
    ASSERT_TRUE((*ledger)->apply_campaigns("file", {campaign}, kDeadline));
  }
  kill_before_the_answer([](Ledger& ledger) { (void)ledger.draw(shake("n1"), kDeadline).has_value(); });
  open();
  const auto coupons = ledger_->coupons_of("alice", kDeadline).value();
  ASSERT_EQ(coupons.size(), 1u) << "it was won before the power went";
  const auto again = draw("n1");
  ASSERT_TRUE(again.coupon) << "and the shopper who asks again hears it";
  EXPECT_EQ(again.coupon->id, coupons[0].id);
  EXPECT_EQ(draw("n2").reason, campaign::Reason::subject_cap);
  EXPECT_EQ(ledger_->coupons_of("alice", kDeadline)->size(), 1u) << "once";
}

}  // namespace
}  // namespace foyer::ledger
