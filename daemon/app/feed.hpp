#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/mailbox.hpp"
#include "ports/http_server.hpp"

namespace foyer::app {

/// One who follows the events: a bounded box that the core fills and a connection's thread empties. A follower who is
/// too slow misses events and is told how many; nobody waits for one.
class Follower final : public ports::HttpStream {
 public:
  Follower() : box_(std::make_shared<Mailbox>(1024)) {}
  ~Follower() override { box_->close(); }
  bool next(std::string& out) override;

  std::shared_ptr<Mailbox> box() const { return box_; }

  /// Core thread, through the box.
  void deliver(const std::string& text) { pending_ += text; }

 private:
  std::shared_ptr<Mailbox> box_;
  std::string pending_;  // touched only while this follower's thread drains
  std::uint64_t told_missed_ = 0;
};

/// Everyone who follows. Core thread.
class Feed {
 public:
  /// Followers at once; more are refused.
  static constexpr std::size_t kMost = 16;

  bool add(const std::shared_ptr<Follower>& follower);
  /// One event as server-sent events text.
  void push(const std::string& text);
  void close();

 private:
  std::vector<std::weak_ptr<Follower>> followers_;
};

}  // namespace foyer::app
