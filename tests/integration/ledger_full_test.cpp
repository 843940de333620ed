// A ledger on a file system of 8 MiB that somebody else fills. Needs root: it mounts in a namespace of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "ledger/reserve.hpp"
#include "unit/ledger/world.hpp"

namespace foyer::ledger {
namespace {

class FullDisk : public World {
 protected:
  void SetUp() override {
    static const bool own =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    ASSERT_TRUE(own) << "mounting needs root";
    ASSERT_EQ(::mount("tmpfs", dir_.c_str(), "tmpfs", 0, "size=8m"), 0) << std::strerror(errno);
  }
  void TearDown() override {
    ledger_.reset();
    EXPECT_EQ(::umount2(dir_.c_str(), MNT_DETACH), 0);
  }
  std::string others() const { return dir_ + "/others"; }
  /// Takes what is left of the disk, to the last page.
  void fill_disk() {
    const int fd = ::open(others().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string page(4096, 'x');
    while (::write(fd, page.data(), page.size()) > 0) {
    }
    ::close(fd);
    EXPECT_LT(free_bytes(dir_), 4096u);
  }
  bool record(Stream stream, const std::string& type, int n = 20) {
    std::vector<Event> events(static_cast<std::size_t>(n),
                              Event{stream, type, "", R"({"f":")" + std::string(400, 'f') + "\"}"});
    return ledger_->record(std::move(events));
  }
  /// Every gap that was told, by stream; and that each is exact.
  std::map<std::string, std::uint64_t> told() {
    std::map<std::string, std::uint64_t> told;
    for (const auto& event : events(Stream::health)) {
      if (event.event.type != "outbox.gap") continue;
      const auto data = nlohmann::json::parse(event.event.data);
      EXPECT_EQ(data["count"], data["last"].get<std::uint64_t>() - data["first"].get<std::uint64_t>() + 1);
      told[data["stream"]] += data["count"].get<std::uint64_t>();
    }
    return told;
  }
};

TEST_F(FullDisk, OurOwnRowsNeverFillIt) {
  open();  // storage.max_size is 256 MiB, the disk has 8
  apply({sure_win()});
  for (int i = 0; i < 1500; ++i) {
    ASSERT_TRUE(eventually([&] { return record(Stream::presence, "beacon.seen"); }));
    if (i % 50 == 0) draw(fmt::format("n{}", i), fmt::format("s{}", i));
  }
  ledger_->close();
  EXPECT_FALSE(ledger_->figures().broken);
  EXPECT_EQ(ledger_->figures().discarded, 0u);
  open();
  const auto states = ledger_->streams(kDeadline).value();
  EXPECT_EQ(count(Stream::ledger, "shake.won"), 30u) << "only the lowest class went";
  EXPECT_EQ(told()["presence"], states.at(Stream::presence).last_seq - states.at(Stream::presence).rows);
  EXPECT_GT(told()["presence"], 1000u);
}

// A group once took 2 MiB of events, more than was kept free for the log: it failed, and the decisions in it with it.
TEST_F(FullDisk, TheLargestGroupsFitBesideWhatIsThere) {
  constexpr int kDraws = 64;
  open();
  apply({sure_win()});
  const std::string data = R"({"f":")" + std::string(1100, 'f') + "\"}";  // takes the most of the log for its size
  std::atomic<std::uint64_t> log{0};
  for (int round = 0; round < 6; ++round) {
    std::promise<void> waits, go;
    ledger_->on_stored([&, first = true](const auto&) mutable {
      if (std::exchange(first, false)) {  // the ledger waits until all of it is in the queue
        waits.set_value();
        go.get_future().wait();
      }
      log = std::max(log.load(), ledger_->figures().wal_bytes);
    });
    ASSERT_TRUE(ledger_->record({{Stream::ledger, "sale.recorded", "", "{}"}}));
    waits.get_future().wait();
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(ledger_->record(std::vector<Event>(20, {Stream::presence, "beacon.seen", "", data})));
    std::thread opener([&] {
      EXPECT_TRUE(eventually([&] { return ledger_->figures().queued >= 100 + kDraws; }));
      go.set_value();
    });
    in_parallel(kDraws, [&](int i) {
      EXPECT_TRUE(ledger_->draw(shake(fmt::format("r{}n{}", round, i), fmt::format("r{}s{}", round, i)), kDeadline));
    });
    opener.join();
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(ledger_->figures().discarded, 0u) << "as no draw was refused";
  EXPECT_FALSE(ledger_->figures().broken);
  EXPECT_LE(log, 3u << 20);
  EXPECT_EQ(count(Stream::ledger, "shake.won"), 6u * kDraws);
}

TEST_F(FullDisk, FilledByOthersRefusesCleanlyForgetsAndComesBackWithinTenSeconds) {
  open();
  apply({sure_win()});
  std::uint64_t wins = 0;
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(ledger_->draw(shake(fmt::format("n{}", i), fmt::format("s{}", i)), kDeadline));
    ++wins;
  }
  fill_disk();
  Result<campaign::DrawAnswer> answer;
  for (int i = 0; i < 5'000; ++i) {
    answer = ledger_->draw(shake(fmt::format("m{}", i), fmt::format("t{}", i)), kDeadline);
    if (!answer) break;
    ++wins;
  }
  ASSERT_FALSE(answer) << "there is no room for ever more";
  EXPECT_EQ(answer.error().code, Code::retry);
  EXPECT_EQ(answer.error().message, "overloaded: storage is full");
  EXPECT_TRUE(ledger_->figures().full);
  EXPECT_TRUE(ledger_->figures().disk_full);
  EXPECT_FALSE(ledger_->figures().broken) << "a full disk is no failing disk";
  EXPECT_EQ(count(Stream::ledger, "shake.won"), wins) << "what was answered is there";

  // With the disk still full, what is safe upstream can be forgotten: the reserve is for that.
  const auto last = ledger_->streams(kDeadline).value().at(Stream::ledger).last_seq;
  ledger_->forget(Stream::ledger, last - 10);
  EXPECT_TRUE(eventually([&] { return ledger_->streams(kDeadline).value().at(Stream::ledger).rows == 10; }));

  std::filesystem::remove(others());
  const auto freed = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually([&] { return !ledger_->figures().full; })) << "without being asked for anything";
  EXPECT_LT(std::chrono::steady_clock::now() - freed, 10s);
  EXPECT_TRUE(ledger_->draw(shake("later", "late"), kDeadline));
  open();
  EXPECT_TRUE(ledger_->opened().set_aside.empty());
  EXPECT_FALSE(ledger_->opened().fresh);
  EXPECT_EQ(events(Stream::ledger).size(), 12u);
}

TEST_F(FullDisk, StartsOnAFullDiskAndServesWhenThereIsRoom) {
  open();
  apply({sure_win()});
  draw("n1");
  ledger_.reset();
  fill_disk();
  open();
  EXPECT_EQ(ledger_->draw(shake("n2", "s2"), kDeadline).error().code, Code::retry);
  EXPECT_EQ(ledger_->coupons_of("alice", kDeadline).value().size(), 1u);
  std::filesystem::remove(others());
  EXPECT_TRUE(eventually([&] { return ledger_->draw(shake("n3", "s3"), kDeadline).has_value(); }));
  EXPECT_TRUE(ledger_->opened().set_aside.empty());
}

}  // namespace
}  // namespace foyer::ledger
