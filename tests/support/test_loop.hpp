#pragma once

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ports/clock.hpp"
#include "ports/poller.hpp"
#include "ports/timers.hpp"

namespace foyer::test {

/// A small core loop on poll(2) with real descriptors and real time: Poller, Timers and Clock for tests of drivers.
/// One thread. Handles may be destroyed at any time, also in their own callback and after the loop.
class TestLoop final : public ports::Poller, public ports::Timers, public ports::Clock {
 public:
  using Ms = std::chrono::milliseconds;

  MonoTime mono() const override {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return MonoTime{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
  }
  WallTime wall() const override { return std::chrono::time_point_cast<Ms>(std::chrono::system_clock::now()); }

  std::unique_ptr<ports::Handle> watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> fn) override {
    auto entry = std::make_shared<Watch>(Watch{fd, events, std::move(fn), true});
    watches_.push_back(entry);
    return std::make_unique<Owner<Watch>>(entry);
  }
  ports::TimerHandle after(Ms delay, std::function<void()> fn) override { return add(delay, Ms{0}, std::move(fn)); }
  ports::TimerHandle every(Ms period, std::function<void()> fn) override {
    return add(period, std::max(period, Ms{1}), std::move(fn));
  }

  /// Runs callbacks until `done()`; false when the deadline came first. `done` is asked after every callback round.
  template <class Done>
  [[nodiscard]] bool run_until(Done done, Ms deadline = Ms{5000}) {
    const MonoTime end = mono() + deadline;
    while (!done()) {
      const MonoTime now = mono();
      if (now >= end) return false;
      turn(end - now);
    }
    return true;
  }

  /// Runs for the whole time: for proving that something does not happen.
  void run_for(Ms time) {
    const bool never = run_until([] { return false; }, time);
    static_cast<void>(never);
  }

 private:
  struct Watch {
    int fd;
    std::uint32_t events;
    std::function<void(std::uint32_t)> fn;
    bool alive;
  };
  struct Timer {
    MonoTime due;
    Ms period;
    std::function<void()> fn;
    bool alive;
  };
  template <class T>
  struct Owner final : ports::Handle {
    explicit Owner(std::shared_ptr<T> held) : entry(std::move(held)) {}
    ~Owner() override { entry->alive = false; }
    std::shared_ptr<T> entry;
  };

  ports::TimerHandle add(Ms delay, Ms period, std::function<void()> fn) {
    auto entry = std::make_shared<Timer>(Timer{mono() + delay, period, std::move(fn), true});
    timers_.push_back(entry);
    return std::make_unique<Owner<Timer>>(entry);
  }

  /// One poll: waits at most `most`, then calls what is due and what is ready.
  void turn(std::chrono::nanoseconds most) {
    std::erase_if(watches_, [](const auto& w) { return !w->alive; });
    std::erase_if(timers_, [](const auto& t) { return !t->alive; });
    const MonoTime start = mono();
    auto wait = most;
    for (const auto& timer : timers_) wait = std::min(wait, std::max(timer->due - start, std::chrono::nanoseconds{0}));
    std::vector<pollfd> fds;
    const auto watches = watches_;  // callbacks add and end others
    for (const auto& w : watches) fds.push_back({w->fd, static_cast<short>(w->events), 0});
    const auto ms = std::chrono::ceil<Ms>(wait).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::min<long long>(ms, 1000)));
    for (std::size_t i = 0; i < fds.size(); ++i)
      if (fds[i].revents != 0 && watches[i]->alive) watches[i]->fn(static_cast<std::uint16_t>(fds[i].revents));
    const MonoTime now = mono();
    const auto timers = timers_;
    for (const auto& timer : timers) {
      if (!timer->alive || timer->due > now) continue;
      if (timer->period.count() > 0)
        timer->due = now + timer->period;
      else
        timer->alive = false;
      timer->fn();
    }
  }

  std::vector<std::shared_ptr<Watch>> watches_;
  std::vector<std::shared_ptr<Timer>> timers_;
};

}  // namespace foyer::test
