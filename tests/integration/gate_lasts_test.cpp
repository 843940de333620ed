// What befalls foyer-gate and its table, and what stays: kills and stops, a table of another version, one that is
// flushed or cannot be looked at.
#include <cstdlib>
#include <filesystem>

#include "paths.hpp"
#include "support/files.hpp"
#include "support/gate_case.hpp"

namespace foyer::test {
namespace {

using GateLasts = GateTest;

TEST_F(GateLasts, AKilledGateLeavesGuestsInAndTheNextOneAdoptsThem) {
  admit("10.9.0.1");
  auto flow = world_->flow(echo_, "10.9.0.1", GateWorld::kInet, 7);
  ASSERT_TRUE(flow.open());
  ASSERT_TRUE(passes(flow.phone, flow.server));
  const auto before = guest("10.9.0.1");
  bool back = false;
  world_->gate->on_back([&] { back = true; });
  world_->gate_process->stop(SIGKILL);
  EXPECT_TRUE(passes(flow.phone, flow.server));
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
  EXPECT_FALSE(look());
  world_->gate_process->start();
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_TRUE(passes(flow.phone, flow.server));
  EXPECT_GT(guest("10.9.0.1").bytes.up, before.bytes.up);
  EXPECT_LE(guest("10.9.0.1").left, before.left);
}

TEST_F(GateLasts, ACleanStopLeavesTheTableAndRemoveTakesItAway) {
  admit("10.9.0.1");
  EXPECT_EQ(world_->gate_process->stop(SIGTERM), 0);
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
  const std::string program = std::string(FOYER_BIN_DIR) + "/foyer-gate";
  world_->box.run({program, "--laid"});
  world_->box.run({program, "--remove"});
  EXPECT_THROW(world_->box.run({program, "--laid"}), std::runtime_error);
  EXPECT_THROW(world_->box.run({"nft", "list", "table", "inet", "foyer"}), std::runtime_error);
  world_->box.run({program, "--remove"});
}

TEST_F(GateLasts, AnotherVersionsTableIsMadeAnew) {
  admit("10.9.0.1");
  world_->box.run({"nft",
                   "delete chain inet foyer layout_2; add chain inet foyer layout_1; "
                   "add set inet foyer of_old { type ipv4_addr; }"});
  set_up(GateWorld::policy());
  EXPECT_THROW(world_->box.run({"nft", "list", "set", "inet", "foyer", "of_old"}), std::runtime_error);
  EXPECT_TRUE(look()->guests.empty()) << "foyerd puts them in again";
  admit("10.9.0.1");
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
}

TEST_F(GateLasts, ATableThatCannotBeLookedAtIsLeftAsItIs) {
  admit("10.9.0.1");
  const Folder folder;
  const auto busy = folder.write("busy", "");
  bool back = false;
  world_->gate->on_back([&] { back = true; });
  world_->gate_process->stop(SIGKILL);
  ::setenv("LD_PRELOAD", FOYER_TESTS_DIR "/busy_nft.so", 1);
  ::setenv("FOYER_NFT_BUSY", busy.c_str(), 1);
  world_->gate_process->start();
  ::unsetenv("LD_PRELOAD");
  ASSERT_TRUE(world_->loop.run_until([&] { return std::filesystem::file_size(busy) >= 2; })) << "foyerd asks again";
  EXPECT_FALSE(back);
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
  std::filesystem::remove(busy);
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_EQ(look()->guests.size(), 1U);
}

TEST_F(GateLasts, ATableThatSomebodyFlushedIsLaidAnew) {
  admit("10.9.0.1");
  world_->box.run({"nft", "flush", "ruleset"});
  ASSERT_EQ(dial_inet("10.9.0.2"), 0) << "nothing is in the way";
  bool back = false;
  world_->gate->on_back([&] { back = true; });
  const auto state = look();
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::retry);
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_EQ(dial_inet("10.9.0.2"), ECONNREFUSED);
  EXPECT_TRUE(look()->guests.empty()) << "foyerd puts them in again";
  admit("10.9.0.1");
  EXPECT_EQ(dial_inet("10.9.0.1"), 0);
}

TEST_F(GateLasts, AStoppedGateCostsOneDeadlineAndThenFailsAtOnce) {
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGSTOP), 0);
  const MonoTime start = world_->loop.mono();
  EXPECT_FALSE(world_->gate->admit(GateWorld::key("10.9.0.1"), 1h));
  EXPECT_LT(world_->loop.mono() - start, 400ms);
  const MonoTime after = world_->loop.mono();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(world_->gate->remove(GateWorld::key("10.9.0.1")));
  EXPECT_LT(world_->loop.mono() - after, 100ms);
  bool back = false;
  world_->gate->on_back([&] { back = true; });
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGCONT), 0);
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_TRUE(look());
}

TEST_F(GateLasts, AFirstSetupThatIsAnsweredTooLateIsAskedForAgain) {
  auto fresh = drivers::nftables::make_gate({world_->socket()}, world_->loop, world_->loop);
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGSTOP), 0);
  EXPECT_FALSE(fresh->setup(GateWorld::policy()));
  bool back = false;
  fresh->on_back([&] { back = true; });
  ASSERT_EQ(::kill(world_->gate_process->pid(), SIGCONT), 0);
  ASSERT_TRUE(world_->loop.run_until([&] { return back; }));
  EXPECT_TRUE(fresh->admit(GateWorld::key("10.9.0.1"), 1h));
}

}  // namespace
}  // namespace foyer::test
