#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ledger/ledger.hpp"
#include "support/event_file.hpp"
#include "support/files.hpp"

namespace foyer::ledger {

using namespace std::chrono_literals;
inline constexpr auto kDeadline = 20s;

/// A ledger in a directory of its own in memory, with a wall clock that stands still until it is moved.
class World : public ::testing::Test {
 protected:
  ~World() override { ledger_.reset(); }
  /// What a test made up has no data; the rest is the ledger's own.
  void TearDown() override {
    if (std::getenv("FOYER_EVENTS") == nullptr || !ledger_) return;
    for (const auto stream : {Stream::ledger, Stream::health})
      for (const auto& stored : fetched(stream, 0, 1000).value_or(std::vector<StoredEvent>{}))
        if (stored.event.data != "{}" || stored.event.type == "consent.withdrawn") test::keep_event(stored.event);
  }

  std::string path() const { return dir_ + "/foyer.db"; }

  Settings settings() {
    Settings settings;
    settings.path = path();
    settings.gateway = "gw-01";
    settings.store = "store-001";
    settings.holdout_key = Bytes(32, 7);
    settings.random = kernel_random;
    settings.wall = [this] { return from_unix_ms(now_.load()); };
    settings.mono = [] {
      return MonoTime{std::chrono::duration_cast<Mono::duration>(std::chrono::steady_clock::now().time_since_epoch())};
    };
    settings.boot_id = "boot";
    settings.build_date = parse_rfc3339("2026-01-01T00:00:00.000Z").value();
    return settings;
  }

  Ledger& open() { return open(settings()); }
  Ledger& open(Settings settings) {
    ledger_.reset();
    auto opened = Ledger::open(std::move(settings));
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    ledger_ = std::move(opened.value());
    return *ledger_;
  }

  void set_time(const std::string& rfc3339) { now_ = unix_ms(parse_rfc3339(rfc3339).value()); }
  void pass(std::chrono::milliseconds time) { now_ += time.count(); }
  WallTime now() const { return from_unix_ms(now_.load()); }

  Result<std::vector<StoredEvent>> fetched(Stream stream, std::uint64_t after, std::size_t most) {
    std::promise<Result<std::vector<StoredEvent>>> promise;
    ledger_->fetch(stream, after, most, [&](auto result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  std::vector<StoredEvent> events(Stream stream, std::uint64_t after = 0, std::size_t most = 100'000) {
    return fetched(stream, after, most).value();
  }
  std::vector<std::string> types(Stream stream) {
    std::vector<std::string> types;
    for (const auto& event : events(stream)) types.push_back(event.event.type);
    return types;
  }
  nlohmann::json last(Stream stream, const std::string& type) {
    nlohmann::json data;
    for (const auto& event : events(stream))
      if (event.event.type == type) data = nlohmann::json::parse(event.event.data);
    return data;
  }
  std::size_t count(Stream stream, const std::string& type) {
    return static_cast<std::size_t>(std::ranges::count(types(stream), type));
  }
  void expect_no_gaps(Stream stream) {
    std::uint64_t seq = 0;
    for (const auto& event : events(stream)) EXPECT_EQ(event.seq, ++seq);
  }

  /// Waits for the ledger thread until `done` holds.
  template <class Done>
  bool eventually(Done done) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  static campaign::Campaign sure_win(const std::string& id = "lunch") {
    campaign::Campaign campaign;
    campaign.id = id;
    campaign.title = {{"en", "Lunch"}};
    campaign.limits.interval = 0s;
    campaign::Prize prize;
    prize.id = "ten-off";
    prize.kind = campaign::PrizeKind::coupon;
    prize.benefit.kind = campaign::BenefitKind::amount_off;
    prize.benefit.amount = Money{1000, "CNY"};
    prize.valid.for_ = std::chrono::hours(24);
    campaign.prizes = {prize};
    return campaign;
  }
  void apply(std::vector<campaign::Campaign> campaigns, const std::string& source = "file") {
    const auto applied = ledger_->apply_campaigns(source, std::move(campaigns), kDeadline);
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
    for (const auto& [id, why] : applied->refused) ADD_FAILURE() << id << ": " << why;
  }
  static campaign::DrawCommand shake(const std::string& nonce, const std::string& subject = "alice") {
    return {nonce, {subject, 3, "entrance", false}, "session-1", "shake"};
  }
  campaign::DrawAnswer draw(const std::string& nonce, const std::string& subject = "alice") {
    auto answer = ledger_->draw(shake(nonce, subject), kDeadline);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    return answer.value();
  }
  /// Draws until there is no room for one more.
  void fill_up(const Settings& small, const std::vector<campaign::Campaign>& campaigns) {
    open(small);
    apply(campaigns);
    Result<campaign::DrawAnswer> answer;
    for (int i = 0; i < 20'000; ++i) {
      answer = ledger_->draw(shake(fmt::format("n{}", i), fmt::format("s{}", i)), kDeadline);
      if (!answer) break;
    }
    ASSERT_FALSE(answer);
    ASSERT_TRUE(ledger_->figures().full);
  }
  std::string winning_code(const std::string& nonce = "n-win", const std::string& subject = "alice") {
    const auto answer = draw(nonce, subject);
    EXPECT_TRUE(answer.coupon.has_value());
    return answer.coupon ? answer.coupon->code : "";
  }

  const test::Folder folder_{"/dev/shm"};
  const std::string dir_ = folder_.path();
  std::unique_ptr<Ledger> ledger_;
  std::atomic<std::int64_t> now_{1'795'312'800'000};  // 2026-11-22T02:00:00Z, 10:00 in Shanghai, a Sunday
};

/// Runs `body(i)` in `threads` threads at once.
template <class Body>
void in_parallel(int threads, Body body) {
  std::vector<std::thread> running;
  std::promise<void> go;
  const auto start = go.get_future().share();
  for (int i = 0; i < threads; ++i)
    running.emplace_back([&body, start, i] {
      start.wait();
      body(i);
    });
  go.set_value();
  for (auto& thread : running) thread.join();
}

}  // namespace foyer::ledger
