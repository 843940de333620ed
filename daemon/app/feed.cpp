#include "app/feed.hpp"

namespace foyer::app {

bool Follower::next(std::string& out) {
  const auto ran = box_->wait_and_drain(std::chrono::seconds{1}, 256);
  out += pending_;
  pending_.clear();
  if (const auto missed = box_->refused(); missed > told_missed_) {
    out += fmt::format(": {} events were missed, this connection is too slow\n\n", missed - told_missed_);
    told_missed_ = missed;
  }
  if (ran == 0 && out.empty()) out += ": alive\n\n";
  return !box_->closed();
}

bool Feed::add(const std::shared_ptr<Follower>& follower) {
  std::erase_if(followers_, [](const auto& one) { return one.expired(); });
  if (followers_.size() >= kMost) return false;
  followers_.push_back(follower);
  return true;
}

void Feed::push(const std::string& text) {
  for (const auto& one : followers_) {
    const auto follower = one.lock();
    if (!follower) continue;
    // The raw pointer is safe: the task runs on the thread that owns the follower, from within its next().
    [[maybe_unused]] const bool taken = follower->box()->try_post([raw = follower.get(), text] { raw->deliver(text); });
  }
}

void Feed::close() {
  for (const auto& one : followers_)
    if (const auto follower = one.lock()) follower->box()->close();
}

}  // namespace foyer::app
