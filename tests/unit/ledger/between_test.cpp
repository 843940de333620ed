#include "ledger/between.hpp"

#include <gtest/gtest.h>

namespace foyer::ledger {
namespace {

Key key(std::int64_t a, std::int64_t b) { return {a, b}; }

TEST(Between, IsHalfWayOfTheFirstColumnThatDiffers) {
  EXPECT_EQ(between(key(1, 100), key(1, 300), false), key(1, 200));
  EXPECT_EQ(between({std::int64_t{10}}, {std::int64_t{20}}, false), Key{std::int64_t{15}});
  EXPECT_EQ(between({INT64_MIN}, {INT64_MAX}, false), Key{std::int64_t{-1}});
  EXPECT_EQ(between({std::string("a")}, {std::string("c")}, false), Key{std::string("b")});
  EXPECT_EQ(between({Bytes{0x10}}, {Bytes{0x11}}, false), (Key{Bytes{0x10, 0x80}}));
}

TEST(Between, NeighboursAreParted) {
  EXPECT_EQ(between(key(1, 100), key(2, 300), false), Key{std::int64_t{2}}) << "where the second begins";
  const auto deeper = between(key(1, 100), key(2, 300), true);
  ASSERT_TRUE(deeper);
  EXPECT_EQ(deeper->at(0), KeyPart{std::int64_t{1}});
  EXPECT_GT(std::get<std::int64_t>(deeper->at(1)), 100);
}

TEST(Between, IsNothingWhereThereIsNothing) {
  EXPECT_FALSE(between({std::int64_t{1}}, {std::int64_t{2}}, false));
  EXPECT_FALSE(between(key(1, 1), key(1, 1), false));
  EXPECT_FALSE(between({std::string("a")}, {std::string("a\0", 2)}, false));
}

TEST(Between, AlwaysLiesBetween) {
  Key low{std::string("3fa9")}, high{std::string("b")};
  for (int i = 0; i < 60; ++i) {
    const auto half = between(low, high, false);
    ASSERT_TRUE(half) << i;
    ASSERT_LT(low, *half);
    ASSERT_LT(*half, high);
    (i % 3 == 0 ? low : high) = *half;
  }
}

}  // namespace
}  // namespace foyer::ledger
