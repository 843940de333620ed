#include "drivers/systemd/loop.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace foyer::drivers::systemd {
namespace {

using namespace std::chrono_literals;

class LoopTest : public testing::Test {
 protected:
  // A loop that would never end fails the test instead.
  LoopTest() : loop_(Loop::make().value()), limit_(loop_->after(20s, [this] { loop_->quit(99); })) {}
  std::unique_ptr<Loop> loop_;
  ports::TimerHandle limit_;
};

TEST_F(LoopTest, TimersFireInOrderAndPeriodically) {
  std::string order;
  const auto late = loop_->after(30ms, [&] { order += 'b'; });
  const auto early = loop_->after(1ms, [&] { order += 'a'; });
  int ticks = 0;
  const auto tick = loop_->every(5ms, [&] {
    if (++ticks == 10) loop_->quit(3);
  });
  EXPECT_EQ(loop_->run(), 3);
  EXPECT_EQ(order, "ab");
}

TEST_F(LoopTest, DestroyedHandleNeverFires) {
  bool fired = false;
  loop_->after(1ms, [&] { fired = true; }).reset();
  const auto end = loop_->after(30ms, [&] { loop_->quit(0); });
  loop_->run();
  EXPECT_FALSE(fired);
}

TEST_F(LoopTest, HandleMayDieInItsOwnCallback) {
  ports::TimerHandle self;
  int fired = 0;
  self = loop_->every(1ms, [&] {
    ++fired;
    self.reset();
  });
  const auto end = loop_->after(30ms, [&] { loop_->quit(0); });
  loop_->run();
  EXPECT_EQ(fired, 1);
}

TEST_F(LoopTest, WakesFromAnotherThread) {
  loop_->on_wake([this] { loop_->quit(7); });
  std::thread other([this] { loop_->wake(); });
  EXPECT_EQ(loop_->run(), 7);
  other.join();
}

TEST_F(LoopTest, WatchesDescriptors) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const auto watch = loop_->watch(fds[0], POLLIN, [&](std::uint32_t events) { loop_->quit(events & POLLIN ? 5 : 6); });
  ASSERT_EQ(write(fds[1], "x", 1), 1);
  EXPECT_EQ(loop_->run(), 5);
  close(fds[0]);
  close(fds[1]);
}

TEST_F(LoopTest, SignalsComeThroughTheLoop) {
  ASSERT_TRUE(loop_->on_signal(SIGUSR1, [this] { loop_->quit(8); }));
  kill(getpid(), SIGUSR1);
  EXPECT_EQ(loop_->run(), 8);
}

}  // namespace
}  // namespace foyer::drivers::systemd
