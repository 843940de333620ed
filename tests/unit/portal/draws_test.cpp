#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using namespace test;
using campaign::DrawAnswer;
using campaign::Reason;
using nlohmann::json;

campaign::Coupon coupon() {
  campaign::Coupon out;
  out.id = "22222222222222222222222222222222";
  out.code = "0123456789A";
  out.campaign = "lunch-draw";
  out.prize = "ten-off";
  out.subject = "subject-a";
  out.benefit = {campaign::BenefitKind::amount_off, Money{1000, "CNY"}, 0, Money{5000, "CNY"}, {}};
  out.expires_at = kNow + std::chrono::days(7);
  return out;
}

DrawAnswer won() {
  DrawAnswer out;
  out.result = DrawAnswer::Result::won;
  out.campaign = "lunch-draw";
  out.prize = campaign::WonPrize{"ten-off", campaign::PrizeKind::coupon, {}, coupon().benefit, {}};
  out.coupon = coupon();
  return out;
}

std::string open(const House& house) { return body(house.json("/v1/draws/open", json::object())).at("nonce"); }

TEST(Draws, open_gives_a_nonce) {
  House house;
  const auto response = house.json("/v1/draws/open", json::object());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response)["expires_in"], 60);
  EXPECT_EQ(body(response)["mode"], json::array({"shake", "tap"}));
}

TEST(Draws, open_refuses_who_is_not_in_or_without_consent_or_too_fast) {
  House house;
  const auto outside = house.json("/v1/draws/open", json::object(), "10.77.0.3");
  EXPECT_EQ(outside.status, 403);
  EXPECT_EQ(code(outside), "presence_too_low");
  house.services.visitors[*parse_ip("10.77.0.2")].consented = false;
  EXPECT_EQ(code(house.json("/v1/draws/open", json::object())), "consent_missing");
  house.services.visitors[*parse_ip("10.77.0.2")].consented = true;
  for (int i = 0; i < 6; ++i) EXPECT_EQ(house.json("/v1/draws/open", json::object()).status, 200);
  const auto fast = house.json("/v1/draws/open", json::object());
  EXPECT_EQ(fast.status, 429);
  EXPECT_EQ(code(fast), "rate_limited");
}

TEST(Draws, a_win_has_exactly_the_shape_of_the_contract) {
  House house;
  house.services.draw_answer = won();
  const auto nonce = open(house);
  const auto response = house.json("/v1/draws", {{"nonce", nonce}, {"mode", "shake"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response), json::parse(R"({
    "result": "won", "campaign": "lunch-draw",
    "prize": {"id": "ten-off", "kind": "coupon", "title": "¥10.00 off",
              "benefit": {"kind": "amount_off", "amount": "10.00", "currency": "CNY", "min_spend": "50.00"}},
    "coupon": {"id": "22222222222222222222222222222222", "code": "0123456789A", "state": "issued", "value": "10.00",
               "currency": "CNY", "expires_at": "2025-11-29T03:00:00.000Z", "url": "/c/22222222222222222222222222222222"}
  })"));
  ASSERT_EQ(house.services.draws.size(), 1u);
  EXPECT_EQ(house.services.draws[0].mode, "shake");
  EXPECT_EQ(house.services.draws[0].shopper.subject, "subject-a");
  EXPECT_EQ(house.services.draws[0].shopper.presence, 3);
  EXPECT_EQ(house.services.draws[0].nonce_hash.size(), 32u);
  (void)house.json("/v1/draws", {{"nonce", nonce}, {"mode", "shake"}});
  EXPECT_EQ(house.services.draws[1].nonce_hash, house.services.draws[0].nonce_hash);
}

TEST(Draws, packet_lost_and_denied) {
  House house;
  house.services.draw_answer.result = DrawAnswer::Result::won;
  house.services.draw_answer.campaign = "c";
  house.services.draw_answer.prize =
      campaign::WonPrize{"packet", campaign::PrizeKind::red_packet, {{"en", "Red packet"}}, {}, Money{123, "CNY"}};
  EXPECT_EQ(
      body(house.json("/v1/draws", {{"nonce", open(house)}}))["prize"],
      json::parse(R"({"id":"packet","kind":"red_packet","title":"Red packet","amount":"1.23","currency":"CNY"})"));
  house.services.draw_answer = {};
  house.services.draw_answer.result = DrawAnswer::Result::lost;
  house.services.draw_answer.campaign = "c";
  EXPECT_EQ(body(house.json("/v1/draws", {{"nonce", open(house)}})),
            json::parse(R"({"result":"lost","campaign":"c"})"));
  house.services.draw_answer = {};
  house.services.draw_answer.reason = Reason::outside_hours;
  EXPECT_EQ(body(house.json("/v1/draws", {{"nonce", open(house)}})),
            json::parse(R"({"result":"denied","reason":"outside_hours"})"));
}

TEST(Draws, a_nonce_that_is_not_good_is_denied_and_draws_nothing) {
  House house;
  const auto nonce = open(house);
  house.services.visitors[*parse_ip("10.77.0.4")] = house.services.visitors[*parse_ip("10.77.0.2")];
  house.services.visitors[*parse_ip("10.77.0.4")].device = "device-c";
  const auto reason = [&](const std::string& value, const char* from) {
    const auto response = house.json("/v1/draws", {{"nonce", value}}, from);
    EXPECT_EQ(response.status, 200);
    return body(response).value("reason", "");
  };
  EXPECT_EQ(reason(nonce, "10.77.0.4"), "wrong_holder");
  EXPECT_EQ(reason("AAAA", "10.77.0.2"), "bad_signature");
  EXPECT_TRUE(house.services.draws.empty());
  EXPECT_EQ(house.json("/v1/draws", json::object()).status, 400);
  EXPECT_EQ(house.json("/v1/draws", {{"nonce", 7}}).status, 400);
  EXPECT_EQ(house.json("/v1/draws", {{"nonce", nonce}, {"mode", "wish"}}).status, 400);
}

TEST(Draws, a_nonce_whose_time_is_over_only_asks_for_what_was_recorded) {
  House house;
  const auto nonce = open(house);
  house.services.time += std::chrono::seconds(61);
  house.services.draw_answer = won();
  EXPECT_EQ(body(house.json("/v1/draws", {{"nonce", nonce}})).value("result", ""), "won");
  ASSERT_EQ(house.services.draws.size(), 1u);
  EXPECT_TRUE(house.services.draws[0].replay_only);
}

TEST(ShakePage, works_without_script) {
  House house;
  EXPECT_EQ(house.get("/shake").status, 200);
  EXPECT_EQ(header(house.get("/shake", "10.77.0.3"), "Location"), "/");
  house.services.draw_answer = won();
  const auto response = house.form("/shake", "");
  EXPECT_EQ(response.status, 303);
  EXPECT_EQ(header(response, "Location"), "/c/22222222222222222222222222222222");
  EXPECT_EQ(house.services.draws.at(0).mode, "tap");
  house.services.draw_answer = {};
  house.services.draw_answer.reason = Reason::outside_hours;
  const auto denied = house.form("/shake", "");
  EXPECT_EQ(denied.status, 200);
  EXPECT_NE(denied.body.find("other hours"), std::string::npos);
  EXPECT_EQ(house.form("/shake", "", "10.77.0.3").status, 403);
}

TEST(Coupons, are_shown_to_their_holder_only) {
  House house;
  house.services.coupons = {coupon()};
  const auto page = house.get("/c/" + coupon().id);
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("class=\"qr\""), std::string::npos);
  EXPECT_NE(page.body.find("class=\"bars\""), std::string::npos);
  EXPECT_NE(page.body.find("01234 56789 A"), std::string::npos);
  EXPECT_NE(page.body.find("2025-11-29 03:00"), std::string::npos);
  EXPECT_EQ(header(page, "Cache-Control"), "no-store");
  EXPECT_EQ(house.get("/c/" + coupon().id, "10.77.0.3").status, 404);
  EXPECT_EQ(house.get("/c/33").status, 404);
  EXPECT_NE(house.get("/coupons").body.find("/c/" + coupon().id), std::string::npos);
  EXPECT_EQ(house.get("/coupons", "10.77.0.3").body.find("/c/"), std::string::npos);
  const auto list = body(house.get("/v1/coupons"));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["code"], "0123456789A");
  EXPECT_EQ(list[0]["title"], "¥10.00 off");
  house.services.coupons[0].subject = "yesterday";
  EXPECT_EQ(house.get("/c/" + coupon().id).status, 404);
  house.services.visitors[*parse_ip("10.77.0.2")].known_as = {"subject-a", "yesterday"};
  EXPECT_EQ(house.get("/c/" + coupon().id).status, 200) << "the key of names was renewed meanwhile";
  house.services.coupons[0].state = campaign::CouponState::redeemed;
  EXPECT_EQ(house.get("/c/" + coupon().id).body.find("01234 56789 A"), std::string::npos);
}

TEST(Rules, list_every_prize_with_its_odds) {
  House house;
  campaign::Campaign one;
  one.id = "lunch-draw";
  one.title = {{"en", "Lunch <draw>"}};
  campaign::Prize ten;
  ten.id = "ten-off";
  ten.kind = campaign::PrizeKind::coupon;
  ten.benefit = coupon().benefit;
  ten.stock = 100;
  campaign::Prize none;
  none.id = "none";
  none.weight = 7;
  one.prizes = {ten, none};
  house.services.campaign_list = {one};
  const auto page = house.get("/rules/lunch-draw");
  EXPECT_EQ(page.status, 200);
  for (const char* text : {"Lunch &lt;draw&gt;", "12.50 %", "87.50 %", "¥10.00 off", "No prize", "<td>100</td>"})
    EXPECT_NE(page.body.find(text), std::string::npos) << text;
  EXPECT_EQ(house.get("/rules/other").status, 404);
}

}  // namespace
}  // namespace foyer::portal
