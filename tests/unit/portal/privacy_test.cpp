#include <gtest/gtest.h>

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
