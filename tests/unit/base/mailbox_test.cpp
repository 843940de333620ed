#include "base/mailbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace foyer {
namespace {

using namespace std::chrono_literals;

// A thread that owns a mailbox, as the ledger's does.
class Owner {
 public:
  explicit Owner(Mailbox& box)
      : thread_([&box] {
          while (box.wait_and_drain(1s) > 0 || !box.closed()) {
          }
        }) {}
  ~Owner() { thread_.join(); }

 private:
  std::thread thread_;
};

TEST(Mailbox, RunsTasksInOrderOnTheDrainingThread) {
  Mailbox box(8);
  std::string ran;
  for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(box.try_post([&ran, c] { ran += c; }));
  EXPECT_EQ(box.drain(2), 2u);
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(box.drain(), 1u);
  EXPECT_EQ(ran, "abc");
}

TEST(Mailbox, FullRefusesAndCounts) {
  Mailbox box(1);
  EXPECT_TRUE(box.try_post([] {}));
  EXPECT_FALSE(box.try_post([] {}));
  const auto asked = box.ask([] { return 1; }, 1s);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Code::retry);
  EXPECT_EQ(box.refused(), 2u);
}

TEST(Mailbox, WakesOnceUntilItIsEmptyAgain) {
  int woken = 0;
  Mailbox box(4, [&woken] { ++woken; });
  ASSERT_TRUE(box.try_post([] {}));
  ASSERT_TRUE(box.try_post([] {}));
  EXPECT_EQ(woken, 1) << "who was woken finds both";
  EXPECT_EQ(box.drain(), 2u);
  ASSERT_TRUE(box.try_post([] {}));
  EXPECT_EQ(woken, 2);
}

TEST(Mailbox, AskBringsTheAnswerBack) {
  Mailbox box(4);
  Owner owner(box);
  EXPECT_EQ(box.ask([] { return 42; }, 5s).value(), 42);
  const Result<int> refused = box.ask([]() -> Result<int> { return fail(Code::refuse, "no {}", "way"); }, 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "no way");
  EXPECT_TRUE(box.ask([] {}, 5s));
  box.close();
}

TEST(Mailbox, AskGivesUpAtItsDeadline) {
  Mailbox box(4);  // nobody drains
  const auto asked = box.ask([] { return 1; }, 10ms);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Code::retry);
}

TEST(Mailbox, CloseFailsEveryWaiterAlsoThoseAlreadyTaken) {
  Mailbox box(64);
  std::vector<Reply<int>> held;  // like a group that waits for its commit
  std::atomic<int> failed = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < 8; ++i)
    askers.emplace_back([&, i] {
      // Half of them are drained and held, the other half never leave the queue.
      const auto answer = i % 2 == 0 ? box.ask_later<int>([&held](Reply<int> reply) { held.push_back(reply); }, 60s)
                                     : box.ask([] { return 1; }, 60s);
      if (!answer && answer.error().message == "shutting down") ++failed;
    });
  while (box.depth() < 8) std::this_thread::yield();
  box.drain(4);
  box.close();
  for (auto& asker : askers) asker.join();
  EXPECT_GE(failed.load(), 4);
  EXPECT_FALSE(box.try_post([] {}));
  EXPECT_FALSE(box.ask([] { return 1; }, 1s));
  for (auto& reply : held) reply(7);  // too late, and harmless
}

TEST(Mailbox, OnlyTheFirstReplyCounts) {
  Mailbox box(4);
  Owner owner(box);
  const auto answer = box.ask_later<int>(
      [](Reply<int> reply) {
        reply(1);
        reply(2);
      },
      5s);
  EXPECT_EQ(answer.value(), 1);
  box.close();
}

TEST(Mailbox, ManyThreadsAskOne) {
  Mailbox box(1024);
  Owner owner(box);
  int sum = 0;  // touched by the owner alone
  std::vector<std::thread> askers;
  std::atomic<int> answered = 0;
  for (int t = 0; t < 8; ++t)
    askers.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        if (box.ask([&sum] { return ++sum; }, 30s)) ++answered;
    });
  for (auto& asker : askers) asker.join();
  EXPECT_EQ(answered.load(), 1600);
  EXPECT_EQ(box.ask([&sum] { return sum; }, 5s).value(), 1600);
  box.close();
}

}  // namespace
}  // namespace foyer
