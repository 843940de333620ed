#include <gtest/gtest.h>

#include <functional>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using namespace test;

TEST(Privacy, everybody_may_see_and_erase_what_is_theirs) {
  House house;
  const auto all = house.get("/v1/me/export");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(body(all)["of"], "subject-a");
  EXPECT_NE(header(all, "Content-Disposition").find("my-data.json"), std::string::npos);
  EXPECT_EQ(house.portal.handle(House::request("DELETE", "/v1/me")).status, 200);
  EXPECT_EQ(house.services.erased, std::vector<std::string>{"subject-a"});
  EXPECT_EQ(house.get("/v1/me/export", "10.77.9.9").status, 403) << "nobody is known at that address";
}

TEST(Privacy, another_site_cannot_erase_anybody) {
  House house;
  auto request = House::request("DELETE", "/v1/me");
  request.headers.emplace_back("Origin", "http://evil.example");
  EXPECT_EQ(house.portal.handle(request).status, 403);
  EXPECT_TRUE(house.services.erased.empty());
}

TEST(Privacy, nobody_fills_the_ledger_by_asking_over_and_over) {
  House house;
  const auto erase = [&] { return house.portal.handle(House::request("DELETE", "/v1/me")).status; };
  const auto erase_form = [&] { return house.form("/privacy", "erase=yes", "10.77.0.3").status; };
  const auto take_out = [&] { return house.get("/v1/me/export").status; };
  int turn = 0;
  const auto agree = [&] {
    return house.json("/v1/me/consent", {{"consent", turn++ % 2 == 0 ? "yes" : "no"}}, "10.77.0.3").status;
  };
  for (const std::function<int()>& ask : {std::function<int()>(erase), std::function<int()>(erase_form),
                                          std::function<int()>(take_out), std::function<int()>(agree)}) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(), 200);
    EXPECT_EQ(ask(), 429);
  }
  EXPECT_EQ(house.services.erased.size(), 20u);
  EXPECT_EQ(house.services.consents.size(), 10u);
}

TEST(Privacy, the_page_has_a_button_that_needs_no_script) {
  House house;
  EXPECT_NE(house.get("/privacy").body.find("name=\"erase\""), std::string::npos);
  EXPECT_EQ(house.form("/privacy", "").status, 200);
  EXPECT_TRUE(house.services.erased.empty());
  const auto done = house.form("/privacy", "erase=yes");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(house.services.erased.size(), 1u);
  EXPECT_EQ(done.body.find("name=\"erase\""), std::string::npos);
}

}  // namespace
}  // namespace foyer::portal
