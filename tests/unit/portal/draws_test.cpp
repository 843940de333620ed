#include <gtest/gtest.h>

#include <array>
#include <random>

#include "campaign/draw.hpp"
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
  house.services.visitors[*parse_ip("10.77.0.4")].subject = "subject-c";
  house.services.visitors[*parse_ip("10.77.0.4")].known_as = {"subject-c"};
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
  EXPECT_EQ(house.services.draws[0].replay_only, Reason::nonce_expired);
}

// It was answered presence_too_low, consent_missing or bad_signature.
TEST(Draws, the_same_nonce_has_the_same_answer_whatever_became_of_its_holder) {
  House house;
  auto& visitor = house.services.visitors[*parse_ip("10.77.0.2")];
  const auto before = visitor;
  const auto nonce = open(house);
  house.services.draw_answer = won();
  const auto again = [&](const Portal& portal) {
    auto request = House::request("POST", "/v1/draws");
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = json{{"nonce", nonce}}.dump();
    return body(portal.handle(request)).value("result", "");
  };
  visitor.session.reset();
  EXPECT_EQ(again(house.portal), "won");
  EXPECT_EQ(house.services.draws.back().replay_only, Reason::presence_too_low);
  visitor.subject = "subject-new";
  visitor.known_as = {"subject-new", "subject-a"};
  EXPECT_EQ(again(house.portal), "won") << "named anew";
  visitor = before;
  visitor.session->id = std::string(32, '2');
  EXPECT_EQ(again(house.portal), "won");
  EXPECT_EQ(house.services.draws.back().replay_only, Reason::nonce_expired) << "another session draws nothing with it";
  visitor = before;
  visitor.consented = false;
  EXPECT_EQ(again(house.portal), "won");
  EXPECT_EQ(house.services.draws.back().replay_only, Reason::consent_missing);
  visitor = before;
  auto keys = House::keys();
  keys.previous.insert(keys.previous.begin(), std::exchange(keys.current, TokenKeys::Key{3, {}, {}}));
  const Portal rotated(House::default_settings(), keys, house.services, house.tally, House::counting());
  EXPECT_EQ(again(rotated), "won");
  EXPECT_EQ(house.services.draws.back().replay_only, std::nullopt);
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

// Prizes and odds alone are half of what has to be published.
TEST(Rules, say_when_for_whom_how_often_and_how_a_prize_is_used) {
  using namespace std::chrono;
  House house;
  campaign::Campaign one;
  one.id = "lunch-draw";
  one.title = {{"en", "Lunch"}};
  one.schedule = {2026y / November / 1, 2026y / December / 31, 0x3e, {{11 * 60, 14 * 60}}, {2026y / December / 25}};
  one.limits = {3, 1, 1000, 100, 10s};
  one.who.visits = campaign::Visits::returning;
  campaign::Prize ten;
  ten.id = "ten-off";
  ten.kind = campaign::PrizeKind::coupon;
  ten.benefit = coupon().benefit;
  ten.valid.for_ = hours(24 * 7);
  ten.uses = 2;
  ten.interval = hours(5);
  ten.redeem_at = {"store-001", "store-002"};
  one.prizes = {ten};
  house.services.campaign_list = {one};
  const auto page = house.get("/rules/lunch-draw");
  EXPECT_EQ(page.status, 200);
  for (const char* text :
       {"2026-11-01 – 2026-12-31", "Mon, Tue, Wed, Thu, Fri<", "11:00–14:00", "2026-12-25", "been here before",
        "at most 3 wins a person", "at most 1 wins a person and day", "1000 wins in all", "100 wins a day",
        "10 s between two draws", "valid for 7 d", "for purchases of ¥50.00 and more", "2 uses", "5 h between two uses",
        "in store-001, store-002", "Show the coupon", "Shake the phone"})
    EXPECT_NE(page.body.find(text), std::string::npos) << text << "\n" << page.body;
}

// The odds on the page are those of the draw: chi-square, 3 degrees of freedom, p = 0.001.
TEST(Rules, publish_the_odds_that_are_drawn_by) {
  House house;
  campaign::Campaign one;
  one.id = "lunch-draw";
  one.title = {{"en", "Lunch"}};
  for (const auto weight : {1u, 3u, 6u, 90u}) {
    campaign::Prize prize;
    prize.id = "p" + std::to_string(weight);
    prize.title = {{"en", "Prize " + std::to_string(weight)}};
    prize.kind = weight == 90 ? campaign::PrizeKind::nothing : campaign::PrizeKind::coupon;
    prize.weight = weight;
    one.prizes.push_back(prize);
  }
  house.services.campaign_list = {one};
  const auto page = house.get("/rules/lunch-draw").body;
  constexpr int kDraws = 100'000;
  std::array<int, 4> drawn{};
  std::mt19937_64 engine(2026);
  const Random random = [&](std::span<std::uint8_t> out) {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine());
  };
  for (int i = 0; i < kDraws; ++i) ++drawn[campaign::pick(one, {}, random).value_or(3)];
  double chi = 0;
  for (std::size_t i = 0; i < one.prizes.size(); ++i) {
    const auto row = page.find("<tr><td>Prize " + std::to_string(one.prizes[i].weight));
    ASSERT_NE(row, std::string::npos);
    const auto odds = page.rfind("<td>", page.find(" %", row)) + 4;
    const double expected = kDraws * std::stod(page.substr(odds)) / 100;
    ASSERT_GT(expected, 0);
    chi += (drawn[i] - expected) * (drawn[i] - expected) / expected;
  }
  EXPECT_LT(chi, 16.27);
}

}  // namespace
}  // namespace foyer::portal
