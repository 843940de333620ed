#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "base/mailbox.hpp"

namespace foyer::app {

/// One thread that waits so that the core loop need not: a session's end that the ledger must keep, the files of a
/// reload. Tasks run in order; what they find out goes back to the core by its mailbox. (docs/adr/0002)
class Clerk {
 public:
  Clerk() : box_(1024), thread_([this] { run(); }) {}
  ~Clerk() { stop(); }

  /// Core thread. False: a thousand tasks wait already, or it stopped.
  [[nodiscard]] bool post(Mailbox::Task task) { return box_.try_post(std::move(task)); }

  /// Runs what was posted, then ends the thread.
  void stop() {
    if (!thread_.joinable()) return;
    while (!box_.try_post([this] { ending_ = true; })) std::this_thread::yield();  // full: a place comes free
    thread_.join();
    box_.close();
  }

 private:
  void run() {
    while (!ending_) box_.wait_and_drain(std::chrono::seconds{1});
  }

  Mailbox box_;
  bool ending_ = false;  // touched by the clerk's thread alone
  std::thread thread_;
};

}  // namespace foyer::app
