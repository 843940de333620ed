#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using nlohmann::json;
using test::body;
using test::code;
using test::House;

const BeaconId kLent{parse_uuid("5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11").value(), 4711, 815};

json heard(
    json list = json::array({{{"uuid", to_string(kLent.uuid)}, {"major", 4711}, {"minor", 815}, {"rssi", -60}}})) {
  return list;
}

ports::HttpRequest lend(const std::string& from = "10.77.0.2") { return House::request("POST", "/v1/me/beacon", from); }

TEST(Beacons, AnIdentifierIsLent) {
  House house;
  house.services.lent = LentBeacon{kLent, from_unix_ms(1'763'794'800'000)};
  const auto response = house.portal.handle(lend());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response), (json{{"uuid", to_string(kLent.uuid)},
                                  {"major", 4711},
                                  {"minor", 815},
                                  {"expires_at", "2025-11-22T07:00:00.000Z"}}));
  EXPECT_EQ(house.services.lent_to, (std::vector<std::string>{"subject-a"}));
}

TEST(Beacons, NoneIsLentHere) {
  House house;
  const auto response = house.portal.handle(lend());
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(code(response), "not_found");
}

TEST(Beacons, OnlyToAdmittedPhonesThatAgreed) {
  House house;
  house.services.lent = LentBeacon{kLent, {}};
  const auto outside = house.portal.handle(lend("10.77.0.3"));
  EXPECT_EQ(outside.status, 403);
  EXPECT_EQ(code(outside), "presence_too_low");
  house.services.visitors[*parse_ip("10.77.0.2")].consented = false;
  EXPECT_EQ(code(house.portal.handle(lend())), "consent_missing");
  EXPECT_TRUE(house.services.lent_to.empty());
}

TEST(Beacons, RatesAreLimited) {
  House house;
  house.services.lent = LentBeacon{kLent, {}};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(house.portal.handle(lend()).status, 200);
  EXPECT_EQ(house.portal.handle(lend()).status, 429);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(house.json("/v1/me/heard", heard()).status, 204);
  const auto over = house.json("/v1/me/heard", heard());
  EXPECT_EQ(over.status, 429);
  EXPECT_EQ(code(over), "rate_limited");
  EXPECT_EQ(house.services.reports.size(), 12u);
}

TEST(Beacons, WhatIsHeardIsTakenAndNothingComesBack) {
  House house;
  const auto response = house.json("/v1/me/heard", heard());
  EXPECT_EQ(response.status, 204);
  EXPECT_TRUE(response.body.empty());
  ASSERT_EQ(house.services.reports.size(), 1u);
  EXPECT_EQ(house.services.reports[0].first, "subject-a");
  EXPECT_EQ(house.services.reports[0].second, (std::vector<BeaconId>{kLent}));
  EXPECT_EQ(house.json("/v1/me/heard", json::array()).status, 204);
}

TEST(Beacons, WhatIsMalformedIsNamed) {
  House house;
  const auto good = heard()[0];
  const auto with = [&](const char* key, json value) {
    auto item = good;
    item[key] = std::move(value);
    return house.json("/v1/me/heard", json::array({good, item}));
  };
  for (const auto& response :
       {with("uuid", "x"), with("uuid", 7), with("major", -1), with("major", 65536), with("major", 1.5),
        with("minor", "1"), with("minor", nullptr), with("rssi", "loud"), with("rssi", 21)}) {
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(body(response)["detail"].get<std::string>().substr(0, 5), "[1]: ");
  }
  EXPECT_EQ(house.json("/v1/me/heard", json::object()).status, 400);
  EXPECT_EQ(house.json("/v1/me/heard", json::array({7})).status, 400);
  EXPECT_EQ(house.json("/v1/me/heard", json(std::vector<json>(33, good))).status, 400);
  auto plain = House::request("POST", "/v1/me/heard");
  plain.body = "[]";
  EXPECT_EQ(house.portal.handle(plain).status, 415);
  EXPECT_TRUE(house.services.reports.empty());
}

TEST(Beacons, NotForPagesOfOtherSites) {
  House house;
  house.services.lent = LentBeacon{kLent, {}};
  auto foreign = lend();
  foreign.headers.emplace_back("Origin", "http://elsewhere.example");
  EXPECT_EQ(house.portal.handle(foreign).status, 403);
  EXPECT_EQ(house.json("/v1/me/heard", heard(), "10.77.0.2", {{"Origin", "http://elsewhere.example"}}).status, 403);
}

}  // namespace
}  // namespace foyer::portal
