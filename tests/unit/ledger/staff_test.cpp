#include "ledger/staff.hpp"

#include "world.hpp"

namespace foyer::ledger {
namespace {

class Staff : public World {
 protected:
  void begin() {
    open();
    ASSERT_TRUE(ledger_->staff_add("mei", "cashier", "hash", kDeadline));
  }
  std::optional<Ledger::Knock> knock(const std::string& name = "mei") {
    return ledger_->staff_knock(name, kDeadline).value();
  }
};

TEST_F(Staff, ARightPinForgetsTheWrongOnes) {
  begin();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(knock()->wait, 0s);
  ASSERT_TRUE(ledger_->staff_entered("mei", kDeadline));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(knock()->wait, 0s) << "five are free again";
  EXPECT_GT(knock()->wait, 0s);
}

TEST_F(Staff, WaitingGrowsAndOutlivesARestart) {
  begin();
  for (std::uint32_t i = 0; i < kFreeTries; ++i) EXPECT_EQ(knock()->wait, 0s);
  EXPECT_EQ(knock()->wait, 60s);
  open();
  EXPECT_EQ(knock()->wait, 60s) << "also for the right PIN";
  pass(60s);
  EXPECT_EQ(knock()->wait, 0s);
  EXPECT_EQ(knock()->wait, 120s);
  pass(120s);
  EXPECT_EQ(knock()->wait, 0s);
  EXPECT_EQ(knock()->wait, 240s);
  EXPECT_EQ(wait_after(1000), kLongestWait);
}

TEST_F(Staff, ManyAtOnceAreNoMoreTriesThanAreFree) {
  begin();
  std::atomic<int> judged{0};
  in_parallel(50, [&](int) {
    if (knock()->wait == 0s) ++judged;
  });
  EXPECT_EQ(judged, static_cast<int>(kFreeTries));
}

TEST_F(Staff, AnotherPinEndsTheWaiting) {
  begin();
  for (std::uint32_t i = 0; i <= kFreeTries; ++i) knock();
  ASSERT_TRUE(ledger_->staff_add("mei", "manager", "other", kDeadline));
  const auto again = knock();
  EXPECT_EQ(again->wait, 0s);
  EXPECT_TRUE(again->manager);
  EXPECT_EQ(again->pin, "other");
}

TEST_F(Staff, WhoIsRemovedIsNobody) {
  begin();
  EXPECT_EQ(ledger_->staff(kDeadline).value().size(), 1u);
  ASSERT_TRUE(ledger_->staff_remove("mei", kDeadline));
  EXPECT_FALSE(knock());
  EXPECT_FALSE(ledger_->staff_remove("mei", kDeadline));
  EXPECT_TRUE(ledger_->staff(kDeadline).value().empty());
}

}  // namespace
}  // namespace foyer::ledger
