#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using namespace test;
using nlohmann::json;

campaign::Offer offer(std::uint64_t seq) {
  campaign::Offer out;
  out.seq = seq;
  out.at = kNow;
  out.trigger = campaign::Trigger::enter;
  out.zone = "entrance";
  out.answer.result = campaign::DrawAnswer::Result::won;
  out.answer.campaign = "welcome";
  out.answer.prize =
      campaign::WonPrize{"packet", campaign::PrizeKind::red_packet, {{"en", "Luck"}}, {}, Money{123, "CNY"}};
  return out;
}

TEST(Offers, ComeSinceTheOneThatWasRead) {
  House house;
  house.services.offer_list = {offer(4), offer(7)};
  const auto response = house.get("/v1/offers?after=4");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response), json::parse(R"([{"seq": 7, "at": "2025-11-22T03:00:00.000Z", "trigger": "enter",
    "zone": "entrance", "campaign": "welcome",
    "prize": {"id": "packet", "kind": "red_packet", "title": "Luck", "amount": "1.23", "currency": "CNY"}}])"));
  ASSERT_EQ(house.services.offers_asked.size(), 1u);
  EXPECT_EQ(house.services.offers_asked[0].names, std::vector<std::string>{"subject-a"});
  EXPECT_TRUE(house.services.offers_asked[0].wait);
  EXPECT_EQ(body(house.get("/v1/offers")).size(), 2u);
}

TEST(Offers, NobodyWaitsWhoIsNotIn) {
  House house;
  EXPECT_EQ(body(house.get("/v1/offers", "10.77.0.3")), json::array());
  EXPECT_FALSE(house.services.offers_asked.at(0).wait);
  EXPECT_EQ(house.get("/v1/offers", "10.77.0.99").status, 403);
}

TEST(Offers, AWrongSeqIsSaid) {
  House house;
  for (const auto* after : {"x", "-1", "1.5", "99999999999999999999", "9223372036854775808", "1%20"}) {
    const auto response = house.get(std::string("/v1/offers?after=") + after);
    EXPECT_EQ(response.status, 400) << after;
    EXPECT_EQ(code(response), "bad_request");
  }
  EXPECT_TRUE(house.services.offers_asked.empty());
}

TEST(Refusals, OfThePortalItselfAreCounted) {
  House house;
  (void)house.json("/v1/draws/open", json::object(), "10.77.0.3");
  (void)house.json("/v1/draws", {{"nonce", "wrong"}});
  EXPECT_EQ(house.services.refusals, (std::vector<std::string>{"draw presence_too_low", "draw bad_signature"}));
}

}  // namespace
}  // namespace foyer::portal
