#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/mailbox.hpp"

namespace foyer::app {

/// Phones that wait for an offer (long polling): each has a box that is posted to when one of its names won something.
/// The waiting is done by the request's own thread, so there are few of them. Core thread.
class OfferWaits {
 public:
  /// At once, of the guests' 192 workers; one more is answered at once instead.
  static constexpr std::size_t kMost = 64;

  /// Null: too many wait already, or the house is closing.
  std::shared_ptr<Mailbox> add(std::vector<std::string> names) {
    std::erase_if(waits_, [](const auto& one) { return one.box.expired(); });
    if (closed_ || waits_.size() >= kMost) return nullptr;
    auto box = std::make_shared<Mailbox>(1);
    waits_.push_back({std::move(names), box});
    return box;
  }

  void wake(const std::string& subject) {
    for (const auto& one : waits_)
      if (std::find(one.names.begin(), one.names.end(), subject) != one.names.end())
        if (const auto box = one.box.lock()) {
          [[maybe_unused]] const bool posted = box->try_post([] {});  // full: it is awake already
        }
  }

  /// Everybody is answered now.
  void close() {
    closed_ = true;
    for (const auto& one : waits_)
      if (const auto box = one.box.lock()) box->close();
  }

  std::size_t size() const {
    return static_cast<std::size_t>(
        std::count_if(waits_.begin(), waits_.end(), [](const auto& one) { return !one.box.expired(); }));
  }

 private:
  struct Wait {
    std::vector<std::string> names;
    std::weak_ptr<Mailbox> box;
  };
  std::vector<Wait> waits_;
  bool closed_ = false;
};

}  // namespace foyer::app
