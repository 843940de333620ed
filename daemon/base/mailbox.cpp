#include "base/mailbox.hpp"

namespace foyer {

Mailbox::Mailbox(std::size_t capacity, std::function<void()> wake) : capacity_(capacity), wake_(std::move(wake)) {}

bool Mailbox::queue(Task task) {
  queue_.push_back(std::move(task));
  return queue_.size() == 1;
}

void Mailbox::wake() {
  posted_.notify_one();
  if (wake_) wake_();
}

bool Mailbox::try_post(Task task) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (queue_.size() >= capacity_) {
      ++refused_;
      return false;
    }
    first = queue(std::move(task));
  }
  if (first) wake();
  return true;
}

Result<Mailbox::Waiters::iterator> Mailbox::post_waiter(Task task, std::weak_ptr<detail::Waiter> waiter) {
  Waiters one{std::move(waiter)};
  const auto place = one.begin();
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return fail(Code::retry, "shutting down");
    if (queue_.size() >= capacity_) {
      ++refused_;
      return fail(Code::retry, "overloaded: {} requests are waiting", queue_.size());
    }
    first = queue(std::move(task));
    waiters_.splice(waiters_.end(), one);
  }
  if (first) wake();
  return place;
}

void Mailbox::forget_waiter(Waiters::iterator place) {
  std::lock_guard lock(mutex_);
  if (!closed_) waiters_.erase(place);  // else close() has them all
}

std::size_t Mailbox::drain(std::size_t most) {
  std::size_t ran = 0;
  while (ran < most) {
    Task task;
    {
      std::lock_guard lock(mutex_);
      if (queue_.empty()) break;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
    ++ran;
  }
  return ran;
}

std::size_t Mailbox::wait_and_drain(std::chrono::milliseconds timeout, std::size_t most) {
  {
    std::unique_lock lock(mutex_);
    posted_.wait_for(lock, timeout, [this] { return closed_ || !queue_.empty(); });
  }
  return drain(most);
}

void Mailbox::close() {
  std::deque<Task> thrown_away;
  Waiters waiters;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    thrown_away.swap(queue_);
    waiters.swap(waiters_);
  }
  posted_.notify_all();
  for (const auto& waiter : waiters)
    if (auto alive = waiter.lock()) alive->fail_closed();
}

bool Mailbox::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

std::size_t Mailbox::depth() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

std::uint64_t Mailbox::refused() const {
  std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace foyer
