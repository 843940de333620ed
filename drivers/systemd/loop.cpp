#include "drivers/systemd/loop.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <vector>

namespace foyer::drivers::systemd {

namespace {

std::uint64_t microseconds(std::chrono::milliseconds delay) {
  return static_cast<std::uint64_t>(std::chrono::microseconds(delay).count());
}

// Owns one event source. While its callback runs the handle may be destroyed: sd-event keeps the source alive for the
// length of the dispatch, and the callback runs from a copy.
class Source final : public ports::Handle {
 public:
  ~Source() override {
    if (source_ == nullptr) return;
    sd_event_source_set_enabled(source_, SD_EVENT_OFF);
    sd_event_source_set_userdata(source_, nullptr);
    sd_event_source_unref(source_);
  }
  sd_event_source* source_ = nullptr;
  std::function<void()> timer_;
  std::function<void(std::uint32_t)> ready_;
  std::chrono::milliseconds period_{0};
};

int on_timer(sd_event_source* source, std::uint64_t, void* data) {
  auto* self = static_cast<Source*>(data);
  if (self == nullptr) return 0;
  if (self->period_.count() > 0) {
    // From now, not from when it was due: a loop that was held up does not fire a burst.
    sd_event_source_set_time_relative(source, microseconds(self->period_));
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
  }
  const auto fn = self->timer_;
  fn();
  return 0;
}

int on_ready(sd_event_source*, int, std::uint32_t revents, void* data) {
  auto* self = static_cast<Source*>(data);
  if (self == nullptr) return 0;
  std::uint32_t events = 0;
  if (revents & EPOLLIN) events |= POLLIN;
  if (revents & EPOLLOUT) events |= POLLOUT;
  if (revents & EPOLLERR) events |= POLLERR;
  if (revents & EPOLLHUP) events |= POLLHUP;
  const auto fn = self->ready_;
  fn(events);
  return 0;
}

class SdLoop final : public Loop {
 public:
  explicit SdLoop(sd_event* event, int wake_fd) : event_(event), wake_fd_(wake_fd) {}

  ~SdLoop() override {
    wake_source_.reset();
    for (auto* source : signals_) sd_event_source_unref(source);
    sd_event_unref(event_);
    close(wake_fd_);
  }

  int run() override {
    sd_event_set_watchdog(event_, 1);  // no watchdog asked for: does nothing
    return sd_event_loop(event_);
  }
  void quit(int status) override { sd_event_exit(event_, status); }

  void on_wake(std::function<void()> fn) override {
    wake_source_ = watch(wake_fd_, POLLIN, [this, fn = std::move(fn)](std::uint32_t) {
      std::uint64_t count = 0;
      if (read(wake_fd_, &count, sizeof count) < 0) return;
      fn();
    });
  }
  void wake() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);  // full means it is awake already
  }

  Result<void> on_signal(int signal, std::function<void()> fn) override {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return fail(Code::fatal, "block signal {}", signal);
    auto* callback = &callbacks_.emplace_back(std::make_unique<std::function<void()>>(std::move(fn)));
    sd_event_source* source = nullptr;
    const int made = sd_event_add_signal(
        event_, &source, signal,
        [](sd_event_source*, const signalfd_siginfo*, void* data) {
          (*static_cast<std::function<void()>*>(data))();
          return 0;
        },
        callback->get());
    if (made < 0) return fail(Code::fatal, "watch signal {}: {}", signal, std::strerror(-made));
    signals_.push_back(source);
    return {};
  }

  ports::TimerHandle after(std::chrono::milliseconds delay, std::function<void()> fn) override {
    return timer(delay, std::chrono::milliseconds{0}, std::move(fn));
  }
  ports::TimerHandle every(std::chrono::milliseconds period, std::function<void()> fn) override {
    return timer(period, period, std::move(fn));
  }

  std::unique_ptr<ports::Handle> watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> fn) override {
    auto handle = std::make_unique<Source>();
    handle->ready_ = std::move(fn);
    std::uint32_t wanted = 0;
    if (events & POLLIN) wanted |= EPOLLIN;
    if (events & POLLOUT) wanted |= EPOLLOUT;
    must(sd_event_add_io(event_, &handle->source_, fd, wanted, on_ready, handle.get()));
    return handle;
  }

 private:
  ports::TimerHandle timer(std::chrono::milliseconds delay, std::chrono::milliseconds period,
                           std::function<void()> fn) {
    auto handle = std::make_unique<Source>();
    handle->timer_ = std::move(fn);
    handle->period_ = period;
    must(sd_event_add_time_relative(event_, &handle->source_, CLOCK_BOOTTIME, microseconds(delay), 1000, on_timer,
                                    handle.get()));
    return handle;
  }

  // Fails only on a descriptor that is not open, or without memory: a bug either way.
  static void must(int made) {
    if (made < 0) std::abort();
  }

  sd_event* event_;
  int wake_fd_;
  std::unique_ptr<ports::Handle> wake_source_;
  std::vector<sd_event_source*> signals_;
  std::vector<std::unique_ptr<std::function<void()>>> callbacks_;
};

}  // namespace

Result<std::unique_ptr<Loop>> Loop::make() {
  sd_event* event = nullptr;
  if (const int made = sd_event_new(&event); made < 0)
    return fail(Code::fatal, "make the event loop: {}", std::strerror(-made));
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    sd_event_unref(event);
    return fail(Code::fatal, "make an eventfd: {}", std::strerror(errno));
  }
  return std::make_unique<SdLoop>(event, wake_fd);
}

}  // namespace foyer::drivers::systemd
