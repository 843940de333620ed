// What every Gate does, said once for the simulated one and for foyer-gate in a network namespace.
#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/sim/gate.hpp"
#include "support/gate_world.hpp"
#include "support/manual_time.hpp"

namespace foyer {
namespace {

using namespace std::chrono_literals;
using ports::GuestKey;

/// A gate and the time it lives in.
class House {
 public:
  virtual ~House() = default;
  virtual ports::Gate& gate() = 0;
  /// Goes on until `done`, at most for as long as a session of two seconds needs to end.
  virtual bool until(const std::function<bool()>& done) = 0;
  virtual void lose() = 0;
  virtual void back() = 0;
};

class SimHouse final : public House {
 public:
  ports::Gate& gate() override { return gate_; }
  bool until(const std::function<bool()>& done) override {
    for (int i = 0; i < 10 && !done(); ++i) clock_.advance(1s);
    return done();
  }
  void lose() override { gate_.lose(); }
  void back() override { gate_.back(); }

 private:
  test::ManualClock clock_;
  drivers::sim::SimGate gate_{clock_};
};

class KernelHouse final : public House {
 public:
  KernelHouse() { box_.run({"ip", "link", "add", "g0", "type", "bridge"}); }
  ports::Gate& gate() override { return *gate_; }
  bool until(const std::function<bool()>& done) override {
    auto tick = loop_.every(50ms, [] {});
    return loop_.run_until(done, 10s);
  }
  void lose() override { process_.stop(SIGKILL); }
  void back() override { process_.start(); }

 private:
  test::TestLoop loop_;
  const test::Folder folder_;
  test::NetNs box_;
  test::GateProcess process_{box_, folder_ / "gate.sock"};
  std::unique_ptr<ports::Gate> gate_ = drivers::nftables::make_gate({folder_ / "gate.sock"}, loop_, loop_);
};

enum class Kind { sim, kernel };

class GateContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::sim) {
      house_ = std::make_unique<SimHouse>();
    } else {
      FOYER_NEEDS_ROOT();
      house_ = std::make_unique<KernelHouse>();
    }
  }

  ports::Gate& gate() { return house_->gate(); }
  static ports::GatePolicy policy() {
    ports::GatePolicy policy;
    policy.interface = "g0";
    policy.address = *parse_prefix("10.9.255.254/16");
    return policy;
  }
  static GuestKey key(const char* ip, const char* mac = "02:00:00:00:00:01") {
    return {*parse_mac(mac), *parse_ip(ip)};
  }
  Result<ports::GateState> look() {
    std::optional<Result<ports::GateState>> answer;
    gate().look([&](const auto& state) { answer = state; });
    EXPECT_TRUE(house_->until([&] { return answer.has_value(); }));
    return *answer;
  }
  std::vector<GuestKey> in() {
    std::vector<GuestKey> keys;
    const auto state = look();
    EXPECT_TRUE(state) << state.error().message;
    if (state)
      for (const auto& guest : state->guests) keys.push_back(guest.key);
    std::ranges::sort(keys);
    return keys;
  }

  std::unique_ptr<House> house_;
};

TEST_P(GateContract, NothingWorksBeforeSetup) {
  auto admitted = gate().admit(key("10.9.0.1"), 1h);
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().code, Code::retry);
}

TEST_P(GateContract, AdmitsAndRemovesExactlyWhoIsNamed) {
  ASSERT_TRUE(gate().setup(policy()));
  const std::vector<GuestKey> all{key("10.9.0.1"), key("10.9.0.10", "02:00:00:00:00:0a"), key("fd00:9::1")};
  for (const auto& guest : all) ASSERT_TRUE(gate().admit(guest, 1h));
  auto sorted = all;
  std::ranges::sort(sorted);
  EXPECT_EQ(in(), sorted);
  ASSERT_TRUE(gate().remove(all[0]));
  std::erase(sorted, all[0]);
  EXPECT_EQ(in(), sorted);
}

TEST_P(GateContract, RemovingOneWhoIsNotInSucceeds) {
  ASSERT_TRUE(gate().setup(policy()));
  EXPECT_TRUE(gate().remove(key("10.9.0.1")));
}

TEST_P(GateContract, ExtendsAndShortensWhatIsLeft) {
  ASSERT_TRUE(gate().setup(policy()));
  for (const auto ttl : {100s, 5000s, 50s}) {
    ASSERT_TRUE(gate().admit(key("10.9.0.1"), ttl));
    const auto state = look();
    ASSERT_TRUE(state);
    ASSERT_EQ(state->guests.size(), 1U);
    EXPECT_LE(state->guests.front().left, ttl);
    EXPECT_GE(state->guests.front().left, ttl - 5s);
  }
}

TEST_P(GateContract, ASessionEndsByItself) {
  ASSERT_TRUE(gate().setup(policy()));
  ASSERT_TRUE(gate().admit(key("10.9.0.1"), 1s));
  ASSERT_TRUE(gate().admit(key("fd00:9::1"), 1s));
  EXPECT_TRUE(house_->until([this] { return in().empty(); }));
}

TEST_P(GateContract, CountersBeginWhereTheyAreToldAndARemovalTellsThem) {
  const ports::Traffic used{300, 700};
  ASSERT_TRUE(gate().setup(policy()));
  ASSERT_TRUE(gate().admit(key("10.9.0.1"), 1h, used));
  ASSERT_TRUE(gate().admit(key("10.9.0.1"), 2h, {1, 1})) << "an open one goes on";
  const auto state = look();
  ASSERT_TRUE(state);
  ASSERT_EQ(state->guests.size(), 1U);
  EXPECT_EQ(state->guests.front().bytes, used);
  EXPECT_EQ(gate().remove(key("10.9.0.1")).value(), used);
  EXPECT_EQ(gate().remove(key("10.9.0.1")).value(), ports::Traffic{});
}

TEST_P(GateContract, TwoLooksAtOnceAreBothAnswered) {
  ASSERT_TRUE(gate().setup(policy()));
  ASSERT_TRUE(gate().admit(key("10.9.0.1"), 1h));
  std::size_t first = 9, second = 9;
  gate().look([&](const auto& state) { first = state.value().guests.size(); });
  gate().look([&](const auto& state) { second = state.value().guests.size(); });
  ASSERT_TRUE(gate().admit(key("10.9.0.2", "02:00:00:00:00:02"), 1h)) << "what is asked meanwhile is answered";
  ASSERT_TRUE(house_->until([&] { return first != 9 && second != 9; }));
  EXPECT_EQ(first, second);
}

TEST_P(GateContract, AnAddressBelongsToOneMac) {
  ASSERT_TRUE(gate().setup(policy()));
  const auto first = key("10.9.0.1"), second = key("10.9.0.1", "02:00:00:00:00:02");
  ASSERT_TRUE(gate().admit(first, 1h));
  ASSERT_TRUE(gate().admit(second, 1h));
  EXPECT_EQ(in(), std::vector{second});
  ASSERT_TRUE(gate().remove(first));
  EXPECT_EQ(in(), std::vector{second});
}

TEST_P(GateContract, SaysWhoIsKeptOut) {
  ASSERT_TRUE(gate().setup(policy()));
  ASSERT_TRUE(gate().admit(key("10.9.0.1"), 1h, {300, 700}));
  EXPECT_EQ(gate().remove(key("10.9.0.1"), 1h).value(), (ports::Traffic{300, 700}));
  ASSERT_TRUE(gate().remove(key("10.9.0.9", "02:00:00:00:00:09"), 2h)) << "also one who is not in";
  auto kept = look()->kept_out;
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_LE(kept[*parse_mac("02:00:00:00:00:09")], 2h);
  EXPECT_GE(kept[*parse_mac("02:00:00:00:00:09")], 2h - 5s);
  ASSERT_TRUE(gate().remove(key("10.9.0.1")));
  EXPECT_EQ(look()->kept_out.size(), 2U) << "an end of a session changes nothing";
  ASSERT_TRUE(gate().remove(key("10.9.0.1"), 0s));
  ASSERT_TRUE(gate().remove(key("10.9.0.9", "02:00:00:00:00:09"), 1s));
  EXPECT_TRUE(house_->until([this] { return look()->kept_out.empty(); }));
  for (const auto wrong : {-1s, 40 * 24 * 3600s}) {
    auto refused = gate().remove(key("10.9.0.1"), wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::refuse);
  }
}

TEST_P(GateContract, RefusesAnImpossibleTime) {
  ASSERT_TRUE(gate().setup(policy()));
  for (const auto ttl : {0s, -1s, 40 * 24 * 3600s}) {
    auto admitted = gate().admit(key("10.9.0.1"), ttl);
    ASSERT_FALSE(admitted);
    EXPECT_EQ(admitted.error().code, Code::refuse);
  }
}

TEST_P(GateContract, RefusesAPolicyThatIsNone) {
  for (const std::string name : {"", "a-name-that-is-too-long"}) {
    auto wrong = policy();
    wrong.interface = name;
    auto done = gate().setup(wrong);
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().code, Code::refuse) << done.error().message;
  }
}

TEST_P(GateContract, ANewPolicyKeepsTheGuests) {
  ASSERT_TRUE(gate().setup(policy()));
  ASSERT_TRUE(gate().admit(key("10.9.0.1"), 1h));
  auto changed = policy();
  changed.http_port = 8081;
  changed.lan_access = true;
  ASSERT_TRUE(gate().setup(changed));
  EXPECT_EQ(in(), std::vector{key("10.9.0.1")});
}

TEST_P(GateContract, HoldsThousands) {
  ASSERT_TRUE(gate().setup(policy()));
  for (std::uint8_t high = 0; high < 12; ++high)
    for (int low = 1; low <= 250; ++low)
      ASSERT_TRUE(gate().admit(
          {{{2, 0, 0, 0, high, static_cast<std::uint8_t>(low)}}, *parse_ip(fmt::format("10.9.{}.{}", high, low))}, 1h));
  EXPECT_EQ(in().size(), 3000U);
}

TEST_P(GateContract, ALostGateFailsAndComesBackWithItsGuests) {
  ASSERT_TRUE(gate().setup(policy()));
  ASSERT_TRUE(gate().admit(key("10.9.0.1"), 1h));
  bool back = false;
  gate().on_back([&] { back = true; });
  house_->lose();
  for (int i = 0; i < 3; ++i) {
    const auto lost = look();
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Code::retry);
  }
  house_->back();
  ASSERT_TRUE(house_->until([&] { return back; }));
  EXPECT_EQ(in(), std::vector{key("10.9.0.1")});
}

INSTANTIATE_TEST_SUITE_P(Gates, GateContract, ::testing::Values(Kind::sim, Kind::kernel),
                         [](const auto& each) { return each.param == Kind::sim ? "sim" : "kernel"; });

}  // namespace
}  // namespace foyer
