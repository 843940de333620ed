#include "drivers/bluez/ladder.hpp"

#include <algorithm>
#include <utility>

namespace foyer::drivers::bluez {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest = std::chrono::minutes{30};  ///< between two passes, and between reluctant rungs

milliseconds doubled(milliseconds base, unsigned times) {
  return std::min<milliseconds>(base * (1LL << std::min(times, 16U)), std::max(kLongest, base));
}

}  // namespace

std::optional<ports::Rung> Ladder::next(MonoTime now, const Trouble& trouble) {
  const auto first = static_cast<std::size_t>(trouble.first);
  if (!climbing_) {
    climbing_ = true;
    at_ = first;
    passes_ = steps_ = 0;
    due_ = trouble.since + trouble.patience;
    highest_.reset();
  } else if (first > std::exchange(first_, first) && (first > at_ || passes_ > 0)) {
    at_ = std::max(at_, first);  // known better by now: what is below cannot help, nor does waiting
    due_ = std::min(due_, now + trouble.patience);
  }
  first_ = first;
  if (now < due_) return {};
  while (at_ < ports::kRungs && !allowed(at_, now, trouble)) ++at_;
  if (at_ >= ports::kRungs) {
    at_ = first;
    ++passes_;
    due_ = now + pace_.settle + jitter(doubled(3 * pace_.settle, passes_));
    return {};
  }
  const auto rung = static_cast<ports::Rung>(at_);
  ++counts_[at_];
  tried_[at_].push_back(now);
  highest_ = std::max(highest_.value_or(rung), rung);
  plan(now, trouble);
  return rung;
}

void Ladder::plan(MonoTime now, const Trouble& trouble) {
  ++steps_;
  if (++at_ >= ports::kRungs) {
    at_ = static_cast<std::size_t>(trouble.first);
    ++passes_;
    due_ = now + pace_.settle + jitter(doubled(3 * pace_.settle, passes_));
  } else {
    due_ = now + pace_.settle;
  }
  if (!trouble.eager) due_ = std::max(due_, now + doubled(pace_.quiet, steps_) + jitter(pace_.quiet));
}

void Ladder::over() { climbing_ = false; }

bool Ladder::allowed(std::size_t rung, MonoTime now, const Trouble& trouble) {
  auto& tried = tried_[rung];
  while (!tried.empty() && now - tried.front() >= std::chrono::hours{1}) tried.pop_front();
  return trouble.possible[rung] && tried.size() < kPerHour[rung];
}

milliseconds Ladder::jitter(milliseconds most) const {
  if (!random_) return milliseconds{0};
  return milliseconds{static_cast<milliseconds::rep>(random_() % static_cast<std::uint64_t>(most.count() + 1))};
}

}  // namespace foyer::drivers::bluez
