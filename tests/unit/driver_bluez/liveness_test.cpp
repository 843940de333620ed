#include "drivers/bluez/liveness.hpp"

#include <gtest/gtest.h>

namespace foyer::drivers::bluez {
namespace {

using namespace std::chrono_literals;
using Verdict = Liveness::Verdict;

/// A place with `senders` tags, each heard ten times a second.
class Place {
 public:
  explicit Place(int senders) : senders_(senders) { liveness.listening(now); }

  void busy(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end; now += 100ms) {
      for (int i = 0; i < senders_; ++i) liveness.heard({{2, 0, 0, 0, 0, static_cast<std::uint8_t>(i)}}, now);
      tick();
    }
  }
  void silent(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end; now += 100ms) tick();
  }

  MonoTime now{1h};
  Liveness liveness{Pace{}};

 private:
  void tick() {
    if ((now - MonoTime{}) % 1s == 0ns) liveness.tick(now);
  }
  int senders_;
};

TEST(Liveness, ManySendersThatFallSilentAtOnceAreADeafRadio) {
  Place place(20);
  place.busy(60s);
  EXPECT_NEAR(place.liveness.rate(), 200, 10);
  place.silent(4s);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::fine);
  place.silent(2s);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::deaf);
  EXPECT_GE(place.liveness.silence(place.now), 5900ms);
}

TEST(Liveness, OneSenderMayHaveLeft) {
  Place place(1);
  place.busy(60s);
  place.silent(10min);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::suspicious);
}

TEST(Liveness, SendersThatLeftOneAfterTheOtherAreNoDeafness) {
  Place place(1);
  for (int i = 9; i > 0; --i) {
    for (int k = 0; k <= i; ++k) place.liveness.heard({{2, 0, 0, 0, 1, static_cast<std::uint8_t>(k)}}, place.now);
    place.busy(20s);
  }
  place.silent(1min);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::suspicious);
}

TEST(Liveness, ASlowPlaceIsGivenTime) {
  Place place(0);
  for (int i = 0; i < 60; ++i) {  // three tags, each once in 30 seconds
    for (std::uint8_t k = 0; k < 3; ++k) place.liveness.heard({{2, 0, 0, 0, 0, k}}, place.now);
    place.silent(30s);
  }
  place.silent(1min);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::suspicious);
  place.silent(1min);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::deaf);
}

// With one or two senders a dead radio is never proved; all the more must the scan be tried anew before exit_after.
TEST(Liveness, ASilenceIsSuspectedBeforeItEndsAVisit) {
  for (const int senders : {1, 2}) {
    Place place(0);
    for (int i = 0; i < 120; ++i) {  // each once in ten seconds: twenty gaps are longer than 45 s
      for (std::uint8_t k = 0; k < senders; ++k) place.liveness.heard({{2, 0, 0, 0, 0, k}}, place.now);
      place.silent(10s);
    }
    EXPECT_EQ(place.liveness.judge(place.now), Verdict::fine) << senders;
    place.silent(Pace{}.notice + 5s);
    EXPECT_EQ(place.liveness.judge(place.now), Verdict::suspicious) << senders;
  }
}

TEST(Liveness, AFewSlowSendersThatFallSilentAtOnceAreADeafRadioWithinExitAfter) {
  Place place(0);
  for (int i = 0; i < 360; ++i) {  // four tags by turns, each once in ten seconds
    place.liveness.heard({{2, 0, 0, 0, 0, static_cast<std::uint8_t>(i % 4)}}, place.now);
    place.silent(2500ms);
  }
  place.silent(25s);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::suspicious);
  place.silent(5s);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::deaf);
}

TEST(Liveness, ThePaceLeavesTimeToHearAgainWithinExitAfter) {
  for (const std::chrono::milliseconds exit_after : {20s, 30s, 45s, 600s}) {
    const auto pace = pace_within(exit_after);
    EXPECT_LE(std::max(pace.notice, pace.silence) + pace.doubt, exit_after / 2) << exit_after.count();
    EXPECT_LE(std::max(pace.notice, pace.silence) + 2 * pace.ping, exit_after) << exit_after.count();
  }
  EXPECT_EQ(pace_within(45s).notice, Pace{}.notice);
  EXPECT_EQ(pace_within(45s).doubt, Pace{}.doubt);
}

TEST(Liveness, ADeafRadioIsNotGotUsedTo) {
  Place place(5);
  place.busy(60s);
  place.silent(60min);
  EXPECT_NEAR(place.liveness.rate(), 50, 10);
}

TEST(Liveness, APlaceThatEmptiesIsGotUsedTo) {
  Place place(20);
  place.busy(60s);
  for (int i = 0; i < 1200; ++i) {
    place.liveness.heard({{2, 0, 0, 0, 0, 1}}, place.now);
    place.silent(2s);
  }
  EXPECT_LT(place.liveness.rate(), 5);
}

TEST(Liveness, SilenceCountsFromTheStartOfTheScan) {
  Place place(5);
  place.busy(60s);
  place.now += 1h;
  place.liveness.listening(place.now);
  EXPECT_EQ(place.liveness.silence(place.now), 0ns);
  EXPECT_EQ(place.liveness.judge(place.now), Verdict::fine);
}

}  // namespace
}  // namespace foyer::drivers::bluez
