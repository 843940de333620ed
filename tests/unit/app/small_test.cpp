#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "app/broadcasts.hpp"
#include "app/clerk.hpp"
#include "app/feed.hpp"
#include "app/guesses.hpp"
#include "app/pairings.hpp"
#include "app/rates.hpp"
#include "app/secrets.hpp"
#include "support/files.hpp"

namespace foyer::app {
namespace {

using namespace std::chrono_literals;

TEST(Rates, LimitsEachNameByTheMinute) {
  Rates rates;
  MonoTime now{};
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(rates.allow("a", 6, now));
  EXPECT_FALSE(rates.allow("a", 6, now + 59s));
  EXPECT_TRUE(rates.allow("b", 6, now));
  EXPECT_TRUE(rates.allow("a", 6, now + 60s));
}

TEST(Rates, RemembersABoundedNumber) {
  Rates rates;
  for (std::size_t i = 0; i < Rates::kMost + 500; ++i) rates.allow(std::to_string(i), 1, MonoTime{});
  EXPECT_EQ(rates.size(), Rates::kMost);
  EXPECT_FALSE(rates.allow(std::to_string(Rates::kMost + 499), 1, MonoTime{}));  // newest remembered
  EXPECT_TRUE(rates.allow("0", 1, MonoTime{}));                                  // oldest forgotten
}

TEST(Broadcasts, AMinorRollsWithItsSlotOnly) {
  const Bytes key(32, 7);
  config::BroadcastBeacon beacon;
  beacon.major = 1;
  const auto at = [&](std::int64_t second) {
    return broadcasts_at({beacon}, key, from_unix_ms(second * 1000))[0].id.minor;
  };
  EXPECT_EQ(at(600), at(659));
  std::set<std::uint16_t> seen;
  for (int slot = 0; slot < 50; ++slot) seen.insert(at(slot * 60));
  EXPECT_GT(seen.size(), 45u);
  beacon.minor = 5;
  EXPECT_EQ(at(0), 5);
  EXPECT_EQ(at(60), 5);
}

TEST(Broadcasts, TheSlotBeforeIsOursToo) {
  const Bytes key(32, 7);
  config::BroadcastBeacon slow, fast, fixed;
  slow.major = 1, slow.rotate = 3600s;
  fast.major = 2, fast.rotate = 60s;
  fixed.major = 3, fixed.minor = 9;
  const auto own = own_at({slow, fast, fixed}, key, from_unix_ms(7'260'000));
  const auto minor = [&](std::uint16_t major, std::uint64_t slot) { return rolling_minor(key, {}, major, slot); };
  EXPECT_EQ(
      own,
      (std::vector<BeaconId>{
          {{}, 1, minor(1, 2)}, {{}, 1, minor(1, 1)}, {{}, 2, minor(2, 121)}, {{}, 2, minor(2, 120)}, {{}, 3, 9}}));
  EXPECT_EQ(own_at({slow}, key, from_unix_ms(0)).size(), 1u) << "there is no slot before the first";
}

class SecretsTest : public testing::Test {
 protected:
  const test::Folder made_;
  const std::string folder = made_.path();
  WallTime now = from_unix_ms(1'800'000'000'000);
};

TEST_F(SecretsTest, AreMadeOnceAndKept) {
  const auto first = load_secrets(folder, kernel_random, now).value();
  const auto second = load_secrets(folder, kernel_random, now + 1h).value();
  EXPECT_EQ(first.tokens.current.secret, second.tokens.current.secret);
  EXPECT_EQ(first.holdout, second.holdout);
  EXPECT_EQ(first.beacons, second.beacons);
  EXPECT_EQ(first.pseudonyms[0].key, second.pseudonyms[0].key);
  for (const auto* name : {"token.keys", "pseudonym.keys", "holdout.key", "beacon.key"}) {
    struct stat info {};
    ASSERT_EQ(stat((folder + "/" + name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(SecretsTest, AMalformedFileIsNamedAndLeftAlone) {
  ASSERT_TRUE(load_secrets(folder, kernel_random, now));
  std::ofstream(folder + "/token.keys") << "1 abc\n";
  const auto bad = load_secrets(folder, kernel_random, now);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("token.keys"), std::string::npos);
  std::ifstream file(folder + "/token.keys");
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "1 abc");
}

TEST_F(SecretsTest, PseudonymKeysRotateAndOldOnesGo) {
  auto secrets = load_secrets(folder, kernel_random, now).value();
  const auto first = secrets.pseudonyms[0].key;
  EXPECT_FALSE(rotate_pseudonyms(folder, secrets, 24h, kernel_random, now + 23h).value());
  EXPECT_TRUE(rotate_pseudonyms(folder, secrets, 24h, kernel_random, now + 25h).value());
  ASSERT_EQ(secrets.pseudonyms.size(), 2u);
  EXPECT_EQ(secrets.pseudonyms[1].key, first);
  for (int day = 2; day < 20; ++day)
    EXPECT_TRUE(rotate_pseudonyms(folder, secrets, 24h, kernel_random, now + day * 25h).value());
  EXPECT_EQ(load_secrets(folder, kernel_random, now).value().pseudonyms.size(), kPseudonymKeys);
  for (const auto& kept : secrets.pseudonyms) EXPECT_NE(kept.key, first);
}

TEST_F(SecretsTest, TokenKeysRotateAndStayAsLongAsWhatTheySigned) {
  auto secrets = load_secrets(folder, kernel_random, now).value();
  const auto first = secrets.tokens.current;
  ASSERT_TRUE(note_signed(folder, secrets, now + 100h));
  ASSERT_TRUE(rotate_tokens(folder, secrets, now + 2h, kernel_random, now));
  const auto read = load_secrets(folder, kernel_random, now).value().tokens;
  EXPECT_NE(read.current.secret, first.secret);
  EXPECT_NE(read.current.id, first.id);
  ASSERT_EQ(read.previous.size(), 1u);
  EXPECT_EQ(read.previous[0].secret, first.secret);
  EXPECT_GE(read.previous[0].until, now + 100h);
  EXPECT_LE(read.previous[0].until, now + 124h);
  ASSERT_TRUE(rotate_tokens(folder, secrets, now + 202h, kernel_random, now + 200h));
  EXPECT_EQ(secrets.tokens.previous.size(), 1u) << "the first one's time is over";
  EXPECT_EQ(secrets.tokens.find(first.id), nullptr);
}

TEST_F(SecretsTest, NoTokenKeyThatIsNeededGoes) {
  auto secrets = load_secrets(folder, kernel_random, now).value();
  for (std::size_t i = 1; i < kTokenKeys; ++i)
    ASSERT_TRUE(rotate_tokens(folder, secrets, now + 2h, kernel_random, now)) << i;
  const auto refused = rotate_tokens(folder, secrets, now + 2h, kernel_random, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refuse);
  EXPECT_EQ(secrets.tokens.previous.size(), kTokenKeys - 1);
  EXPECT_TRUE(rotate_tokens(folder, secrets, now + 9h, kernel_random, now + 3h));
}

TEST(Guesses, FiveWrongInARowWaitLongerEachTime) {
  Guesses guesses;
  MonoTime now{};
  const auto five_wrong = [&] {
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(guesses.may("a", now));
      guesses.tell("a", false, now);
    }
  };
  five_wrong();
  EXPECT_FALSE(guesses.may("a", now + 59s));
  EXPECT_TRUE(guesses.may("b", now));
  now += 1min;
  five_wrong();
  EXPECT_FALSE(guesses.may("a", now + 119s));
  now += 2min;
  EXPECT_TRUE(guesses.may("a", now));
  guesses.tell("a", true, now);
  EXPECT_EQ(guesses.size(), 0u) << "a right one clears";
}

TEST(Guesses, AllDevicesTogetherAreSlowedDownToo) {
  Guesses guesses;
  MonoTime now{};
  now += 1h;
  for (int i = 0; i < Guesses::kInAll; ++i) guesses.tell(std::to_string(i), false, now);
  EXPECT_FALSE(guesses.may("somebody new", now + 59s));
  EXPECT_TRUE(guesses.may("somebody new", now + 60s));
  for (std::size_t i = 0; i < Guesses::kMost + 500; ++i) guesses.tell("x" + std::to_string(i), false, now);
  EXPECT_EQ(guesses.size(), Guesses::kMost);
}

TEST(Pairings, AreFewShortAndConfirmedOnce) {
  Pairings pairings;
  MonoTime now{};
  const auto ip = *parse_ip("10.0.0.9");
  const auto one = pairings.begin("laptop", ip, true, kernel_random, now);
  EXPECT_EQ(one.number.size(), 4u);
  const auto newer = pairings.begin("laptop", ip, true, kernel_random, now);
  EXPECT_FALSE(pairings.find(one.id, now)) << "one a device";
  EXPECT_FALSE(pairings.find(newer.id, now)->confirmed);
  EXPECT_TRUE(pairings.confirm(newer.id, "s", now)->has_value());
  EXPECT_FALSE(pairings.confirm(newer.id, "s", now)->has_value());
  EXPECT_TRUE(pairings.find(newer.id, now)->confirmed);
  EXPECT_FALSE(pairings.find(newer.id, now + Pairings::kLife));
  for (std::size_t i = 0; i < Pairings::kMost + 10; ++i)
    (void)pairings.begin(std::to_string(i), ip, true, kernel_random, now);
  EXPECT_EQ(pairings.size(), Pairings::kMost);
}

TEST(Pairings, OneThatIsTakenBackWaitsAgainAndCostNothing) {
  Pairings pairings;
  MonoTime now{};
  const auto one = pairings.begin("laptop", *parse_ip("10.0.0.9"), true, kernel_random, now);
  for (int i = 0; i < 5; ++i) {
    const auto confirmed = pairings.confirm(one.id, "s", now);
    ASSERT_TRUE(confirmed && *confirmed) << i;
    pairings.release(one.id, "s");
    EXPECT_FALSE(pairings.find(one.id, now)->confirmed);
    pairings.release(one.id, "s");  // nothing to take back: no vouch is won by it
  }
  ASSERT_TRUE(pairings.confirm(one.id, "s", now).value());
  for (int i = 0; i < 3; ++i) {
    const auto more = pairings.begin(std::to_string(i), *parse_ip("10.0.0.9"), true, kernel_random, now);
    EXPECT_EQ(pairings.confirm(more.id, "s", now).has_value(), i < 2);
  }
}

TEST(Pairings, ASessionVouchesForThree) {
  Pairings pairings;
  MonoTime now{};
  for (int i = 0; i < 4; ++i) {
    const auto one = pairings.begin(std::to_string(i), *parse_ip("10.0.0.9"), true, kernel_random, now);
    const auto answer = pairings.confirm(one.id, "s", now);
    EXPECT_EQ(answer.has_value(), i < 3);
    if (!answer) {
      EXPECT_EQ(answer.error(), campaign::Reason::rate_limited);
    }
  }
}

TEST(Feed, DeliversInOrderAndTellsWhatWasMissed) {
  Feed feed;
  auto follower = std::make_shared<Follower>();
  ASSERT_TRUE(feed.add(follower));
  feed.push("data: 1\n\n");
  feed.push("data: 2\n\n");
  std::string out;
  EXPECT_TRUE(follower->next(out));
  EXPECT_EQ(out, "data: 1\n\ndata: 2\n\n");
  for (int i = 0; i < 1100; ++i) feed.push("data: x\n\n");
  std::string rest;
  for (int i = 0; i < 8; ++i) follower->next(rest);
  EXPECT_NE(rest.find("76 events were missed"), std::string::npos);
  feed.close();
  EXPECT_FALSE(follower->next(out));
}

TEST(Feed, HoldsABoundedNumberOfFollowers) {
  Feed feed;
  std::vector<std::shared_ptr<Follower>> all;
  for (std::size_t i = 0; i < Feed::kMost; ++i) ASSERT_TRUE(feed.add(all.emplace_back(std::make_shared<Follower>())));
  EXPECT_FALSE(feed.add(std::make_shared<Follower>()));
  all.pop_back();
  EXPECT_TRUE(feed.add(std::make_shared<Follower>()));
}

TEST(Clerk, RunsInOrderAndFinishesOnStop) {
  std::string ran;
  Clerk clerk;
  for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(clerk.post([&ran, c] { ran += c; }));
  clerk.stop();
  EXPECT_EQ(ran, "abc");
  EXPECT_FALSE(clerk.post([] {}));
}

}  // namespace
}  // namespace foyer::app
