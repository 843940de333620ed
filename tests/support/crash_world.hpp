#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "ledger/storage.hpp"
#include "support/crash_disk.hpp"
#include "unit/ledger/world.hpp"

namespace foyer::ledger {

using test::CrashDisk;

/// A ledger on a disk whose power can be cut: it lives in one folder, what is left is opened in another. Both hold the
/// lock files alone. The clocks stand still until ms_ is moved.
class CrashWorld : public World {
 protected:
  CrashWorld() : live_(dir_ + "/live"), after_(dir_ + "/after") {
    for (const auto& folder : {live_, after_}) std::filesystem::create_directory(folder);
  }

  Settings settings(const std::string& dir, const CrashDisk& disk) {
    auto settings = World::settings();
    settings.path = dir + "/foyer.db";
    settings.wall = [this] { return now() + std::chrono::milliseconds{ms_.load()}; };
    settings.mono = [this] { return MonoTime{std::chrono::milliseconds{ms_.load()}}; };
    settings.vfs = disk.vfs();
    return settings;
  }

  const std::string live_, after_;
  std::atomic<std::int64_t> ms_{1000};
};

}  // namespace foyer::ledger
