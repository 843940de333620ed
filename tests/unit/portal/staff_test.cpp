#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using namespace test;
using campaign::Reason;
using campaign::TillAction;

class Staff : public testing::Test {
 protected:
  Staff() {
    campaign::Coupon coupon;
    coupon.id = "22222222222222222222222222222222";
    coupon.code = code_;
    coupon.benefit = {campaign::BenefitKind::amount_off, Money{1000, "CNY"}, 0, {}, {}};
    house_.services.till_answer.coupon = coupon;
  }
  ports::HttpResponse post(const std::string& path, const std::string& body, bool in = true) const {
    auto request = House::request("POST", path, "192.168.1.50");
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    if (in) request.headers.emplace_back("Cookie", "other=1; foyer_staff=token-of-mei; more=2");
    request.body = body;
    return house_.portal.handle(request);
  }
  static bool has(const ports::HttpResponse& response, std::string_view text) {
    return response.body.find(text) != std::string::npos;
  }
  House house_;
  const std::string code_ = campaign::make_code(House::counting());
};

TEST_F(Staff, logs_in_with_a_pin_and_out_again) {
  const auto page = house_.get("/staff", "192.168.1.50");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(has(page, "name=\"pin\""));
  EXPECT_EQ(post("/staff", "name=mei&pin=4712", false).status, 403);
  EXPECT_EQ(post("/staff", "name=mei", false).status, 403);
  const auto in = post("/staff", "name=mei&pin=4711", false);
  EXPECT_EQ(in.status, 303);
  const auto cookie = header(in, "Set-Cookie");
  EXPECT_TRUE(cookie.starts_with("foyer_staff=token-of-mei;")) << cookie;
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Strict"), std::string::npos);
  const auto out = post("/staff/leave", "");
  EXPECT_EQ(out.status, 303);
  EXPECT_EQ(house_.services.left, std::vector<std::string>{"token-of-mei"});
}

TEST_F(Staff, waits_after_wrong_pins_and_tries_only_so_often_a_minute) {
  house_.services.staff_wait = std::chrono::seconds(60);
  const auto response = post("/staff", "name=mei&pin=4711", false);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(header(response, "Retry-After"), "60");
  house_.services.staff_wait = {};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(post("/staff", "name=mei&pin=1", false).status, 403);
  EXPECT_EQ(post("/staff", "name=mei&pin=4711", false).status, 429);
}

TEST_F(Staff, without_a_session_nothing_is_redeemed) {
  for (const char* path : {"/staff/check", "/staff/redeem", "/staff/guest"})
    EXPECT_EQ(post(path, "code=" + code_, false).status, 401) << path;
  EXPECT_TRUE(house_.services.asked_at_till.empty());
}

TEST_F(Staff, checks_and_redeems_in_two_steps) {
  const auto checked = post("/staff/check", "code=" + code_);
  EXPECT_EQ(checked.status, 200);
  EXPECT_TRUE(has(checked, "10.00"));
  EXPECT_TRUE(has(checked, "action=\"/staff/redeem\""));
  ASSERT_EQ(house_.services.asked_at_till.size(), 1u);
  EXPECT_EQ(house_.services.asked_at_till[0].action, TillAction::check);
  house_.services.asked_at_till.clear();
  const auto redeemed = post("/staff/redeem", "code=" + code_ + "&key=abc");
  EXPECT_TRUE(has(redeemed, "Redeemed"));
  const auto& request = house_.services.asked_at_till.back();
  EXPECT_EQ(request.action, TillAction::redeem);
  EXPECT_EQ(request.code, code_);
  EXPECT_EQ(request.operator_, "mei");
  EXPECT_EQ(request.store, "store-001");
  EXPECT_EQ(request.idempotency_key, "/staff/mei:abc");
}

TEST_F(Staff, says_why_not_in_words) {
  house_.services.till_answer.refused = Reason::already_redeemed;
  EXPECT_TRUE(has(post("/staff/check", "code=" + code_), "Already used."));
  EXPECT_TRUE(has(post("/staff/redeem", "code=" + code_), "Already used."));
  EXPECT_TRUE(has(post("/staff/check", "code=x"), "No coupon has this code."));
  EXPECT_TRUE(has(post("/staff/check", "code=F%3A0000"), "not from our shops"));
}

TEST_F(Staff, asks_for_the_amount_where_there_is_a_least_one) {
  house_.services.till_answer.coupon->benefit.min_spend = Money{5000, "CNY"};
  house_.services.till_answer.refused = Reason::min_spend;
  const auto page = post("/staff/check", "code=" + code_);
  EXPECT_TRUE(has(page, "name=\"amount\""));
  EXPECT_TRUE(has(page, "/staff/redeem"));
  house_.services.till_answer.refused.reset();
  post("/staff/redeem", "code=" + code_ + "&amount=80.00");
  EXPECT_EQ(house_.services.asked_at_till.back().amount, (Money{8000, "CNY"}));
}

TEST_F(Staff, lets_a_guest_in_with_a_code_of_ten_minutes) {
  const auto page = post("/staff/guest", "");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(has(page, "<svg"));
}

TEST_F(Staff, a_cashier_uses_the_till_but_may_not_void) {
  auto request = House::request("POST", "/v1/pos/redeem", "192.168.1.50");
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Cookie", "foyer_staff=token-of-mei");
  request.body = nlohmann::json{{"code", code_}, {"operator", "somebody else"}, {"idempotency_key", "1"}}.dump();
  EXPECT_EQ(house_.portal.handle(request).status, 200);
  EXPECT_EQ(house_.services.asked_at_till.back().operator_, "mei");
  EXPECT_EQ(house_.services.asked_at_till.back().idempotency_key, "/staff/mei:1");
  request.path = request.target = "/v1/pos/void";
  request.body = nlohmann::json{{"code", code_}, {"reason", "refund"}}.dump();
  const auto refused = house_.portal.handle(request);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(code(refused), "role");
  house_.services.staff_may_void = true;
  EXPECT_EQ(house_.portal.handle(request).status, 200);
  request.headers.emplace_back("Origin", "http://evil.example");
  EXPECT_EQ(house_.portal.handle(request).status, 403);
}

TEST(StaffTls, a_pin_goes_over_tls_where_there_is_any) {
  auto settings = House::default_settings();
  settings.https = true;
  settings.redirect = "https://gw-01.shops.example/";
  House house(settings);
  const auto away = house.get("/staff", "192.168.1.50");
  EXPECT_EQ(away.status, 303);
  EXPECT_EQ(header(away, "Location"), "https://gw-01.shops.example/staff");
}

}  // namespace
}  // namespace foyer::portal
