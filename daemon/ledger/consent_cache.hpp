#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace foyer::ledger {

/// What the rows say of those who were asked for of late, so that a page of the portal waits for no commit. Only what
/// is committed comes in; whatever changes a subject's row takes the subject out before it is committed.
class ConsentCache {
 public:
  static constexpr std::size_t kMost = 4096;  ///< subjects; when one more comes all go

  /// The hash of the terms, empty where none are agreed to; nothing: ask the rows. Any thread.
  std::optional<std::string> find(const std::string& subject) const {
    std::lock_guard lock(mutex_);
    const auto it = known_.find(subject);
    return it == known_.end() ? std::nullopt : std::optional(it->second);
  }

  /// Ledger thread, between two groups.
  void keep(const std::string& subject, std::string terms_hash) {
    std::lock_guard lock(mutex_);
    if (known_.size() >= kMost) known_.clear();
    known_.insert_or_assign(subject, std::move(terms_hash));
  }

  /// Ledger thread.
  void forget(const std::string& subject) {
    std::lock_guard lock(mutex_);
    known_.erase(subject);
  }
  void clear() {
    std::lock_guard lock(mutex_);
    known_.clear();
  }

 private:
  mutable std::mutex mutex_;  // filled by the ledger's thread, asked by all
  std::unordered_map<std::string, std::string> known_;
};

}  // namespace foyer::ledger
