#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/time.hpp"
#include "ports/clock.hpp"
#include "ports/timers.hpp"

/// Time that moves only when a test says so. One thread.
namespace foyer::test {

/// Starts at monotonic 1000 s and at 2026-11-22T02:30:00Z; both move together unless the wall is set.
class ManualClock final : public ports::Clock {
 public:
  MonoTime mono() const override { return mono_; }
  WallTime wall() const override {
    return wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(mono_ - wall_set_at_);
  }

  void advance(std::chrono::nanoseconds by) { mono_ += by; }
  /// A jump of the wall clock; the monotonic one stays.
  void set_wall(WallTime wall) {
    wall_ = wall;
    wall_set_at_ = mono_;
  }

 private:
  MonoTime mono_{std::chrono::seconds{1000}};
  MonoTime wall_set_at_{mono_};
  WallTime wall_{std::chrono::milliseconds{1'795'314'600'000}};
};

/// Timers that fire from advance(): in the order they are due, those due together in the order they were set, with the
/// clock standing at the moment each was due. Handles may outlive it.
class ManualTimers final : public ports::Timers {
 public:
  explicit ManualTimers(ManualClock& clock) : clock_(clock) {}

  ports::TimerHandle after(std::chrono::milliseconds delay, std::function<void()> fn) override {
    return add(delay, std::chrono::milliseconds{0}, std::move(fn));
  }
  ports::TimerHandle every(std::chrono::milliseconds period, std::function<void()> fn) override {
    return add(period, period, std::move(fn));
  }

  /// Moves the clock by `by` and fires what falls due on the way, also what a callback sets for within that time.
  void advance(std::chrono::nanoseconds by) {
    const MonoTime end = clock_.mono() + by;
    while (!table_->empty() && table_->begin()->first.first <= end) {
      auto node = table_->extract(table_->begin());
      const auto [due, id] = node.key();
      if (due > clock_.mono()) clock_.advance(due - clock_.mono());
      if (const auto period = node.mapped().period; period.count() > 0) {
        auto fn = node.mapped().fn;  // the handle may go, and the entry with it, while fn runs
        node.key().first = due + period;
        table_->insert(std::move(node));
        fn();
      } else {
        node.mapped().fn();
      }
    }
    if (end > clock_.mono()) clock_.advance(end - clock_.mono());
  }

  std::size_t pending() const { return table_->size(); }

 private:
  struct Entry {
    std::chrono::milliseconds period{0};
    std::function<void()> fn;
  };
  using Table = std::map<std::pair<MonoTime, std::uint64_t>, Entry>;

  class Armed final : public ports::Handle {
   public:
    Armed(std::weak_ptr<Table> table, std::uint64_t id) : table_(std::move(table)), id_(id) {}
    ~Armed() override {
      if (auto table = table_.lock())
        std::erase_if(*table, [this](const auto& entry) { return entry.first.second == id_; });
    }

   private:
    std::weak_ptr<Table> table_;
    std::uint64_t id_;
  };

  ports::TimerHandle add(std::chrono::milliseconds delay, std::chrono::milliseconds period, std::function<void()> fn) {
    const std::uint64_t id = ++last_id_;
    table_->emplace(std::pair{clock_.mono() + delay, id}, Entry{period, std::move(fn)});
    return std::make_unique<Armed>(table_, id);
  }

  ManualClock& clock_;
  std::shared_ptr<Table> table_ = std::make_shared<Table>();
  std::uint64_t last_id_ = 0;
};

}  // namespace foyer::test
