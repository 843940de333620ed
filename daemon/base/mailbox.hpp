#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/result.hpp"

namespace foyer {

namespace detail {

/// What an asking thread waits on. Shared by the asker, the queue and the Reply handed to the answering thread.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void fail_closed() = 0;
};

template <class T>
class Answer final : public Waiter {
 public:
  void set(Result<T> value) {
    {
      std::lock_guard lock(mutex_);
      if (value_) return;
      value_.emplace(std::move(value));
    }
    ready_.notify_all();
  }
  void fail_closed() override { set(foyer::fail(Code::retry, "shutting down")); }
  Result<T> wait(std::chrono::milliseconds deadline) {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_for(lock, deadline, [this] { return value_.has_value(); }))
      return foyer::fail(Code::retry, "no answer within {} ms", deadline.count());
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;  // an answer crosses from one thread to another
  std::condition_variable ready_;
  std::optional<Result<T>> value_;
};

template <class R>
struct Unwrap {
  using type = R;
};
template <class T>
struct Unwrap<Result<T>> {
  using type = T;
};

}  // namespace detail

/// The right to answer one ask, once; further answers are ignored. Copyable, any thread. A Reply that is dropped
/// unanswered leaves its asker to the deadline.
template <class T>
class Reply {
 public:
  explicit Reply(std::shared_ptr<detail::Answer<T>> answer) : answer_(std::move(answer)) {}
  void operator()(Result<T> value) const { answer_->set(std::move(value)); }

 private:
  std::shared_ptr<detail::Answer<T>> answer_;
};

/// The only way from one thread to another: a bounded queue of closures that one thread drains. What crosses,
/// crosses by value. The mutex is the crossing itself; no task runs under it.
///
/// try_post and ask: any thread. drain and wait_and_drain: the owning thread only. close: any thread, once or more.
class Mailbox {
 public:
  using Task = std::function<void()>;

  /// `wake` is called on the posting thread after a task came into the empty box (write an eventfd); may be empty. Who
  /// is woken drains until the box is empty, or wakes itself again.
  explicit Mailbox(std::size_t capacity, std::function<void()> wake = {});

  /// False when full or closed: the caller counts a drop or answers 503.
  [[nodiscard]] bool try_post(Task task);

  /// Runs `fn(reply)` on the owning thread and waits for the reply. Fails with Code::retry when the box is full or
  /// closed, on close() while waiting, and after `deadline`. Never call it on the owning thread.
  template <class T, class Fn>
  Result<T> ask_later(Fn fn, std::chrono::milliseconds deadline) {
    auto answer = std::make_shared<detail::Answer<T>>();
    auto place = post_waiter([fn = std::move(fn), answer]() mutable { fn(Reply<T>(answer)); }, answer);
    if (!place) return foyer::fail(place);
    auto result = answer->wait(deadline);
    forget_waiter(*place);
    return result;
  }

  /// The same for a function that answers at once; it may return T or Result<T>.
  template <class Fn>
  auto ask(Fn fn, std::chrono::milliseconds deadline) {
    using Raw = std::invoke_result_t<Fn&>;
    using T = typename detail::Unwrap<Raw>::type;
    return ask_later<T>(
        [fn = std::move(fn)](Reply<T> reply) mutable {
          if constexpr (std::is_void_v<Raw>) {
            fn();
            reply({});
          } else {
            reply(fn());
          }
        },
        deadline);
  }

  /// Runs at most `most` queued tasks; returns how many ran.
  std::size_t drain(std::size_t most = SIZE_MAX);

  /// Waits for a task or the time-out, then drains. Returns how many tasks ran; 0 and closed() means: end the thread.
  std::size_t wait_and_drain(std::chrono::milliseconds timeout, std::size_t most = SIZE_MAX);

  /// Refuses everything from now on, throws away what is queued, and fails every waiting ask.
  void close();

  bool closed() const;
  std::size_t depth() const;
  std::uint64_t refused() const;  ///< posts refused because the box was full

 private:
  using Waiters = std::list<std::weak_ptr<detail::Waiter>>;
  Result<Waiters::iterator> post_waiter(Task task, std::weak_ptr<detail::Waiter> waiter);
  void forget_waiter(Waiters::iterator place);
  bool queue(Task task);  ///< under mutex_; whether somebody is to be woken
  void wake();

  const std::size_t capacity_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<Task> queue_;
  Waiters waiters_;
  std::uint64_t refused_ = 0;
  bool closed_ = false;
};

}  // namespace foyer
