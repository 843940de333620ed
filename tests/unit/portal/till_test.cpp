#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using namespace test;
using campaign::Reason;
using nlohmann::json;

const ports::HttpHeaders kKey{{"Authorization", "Bearer secret-key"}};
const json kOrder{{"code", ""}, {"store", "store-001"}, {"terminal", "t1"}, {"amount", "80.00"}, {"currency", "CNY"}};

class Till : public testing::Test {
 protected:
  Till() {
    campaign::Coupon coupon;
    coupon.id = "22222222222222222222222222222222";
    coupon.code = code_;
    coupon.benefit = {campaign::BenefitKind::amount_off, Money{1000, "CNY"}, 0, {}, {}};
    house_.services.till_answer.coupon = coupon;
    order_["code"] = code_;
    order_["idempotency_key"] = "1";
  }
  ports::HttpResponse ask(const char* what, const ports::HttpHeaders& headers = kKey) const {
    return house_.json(what, order_, "192.168.1.50", headers);
  }
  House house_;
  json order_ = kOrder;
  const std::string code_ = campaign::make_code(House::counting());
};

TEST_F(Till, needs_a_key) {
  for (const auto& headers :
       {ports::HttpHeaders{}, ports::HttpHeaders{{"Authorization", "Bearer secret-kez"}},
        ports::HttpHeaders{{"Authorization", "Basic secret-key"}}, ports::HttpHeaders{{"Authorization", "Bearer "}}}) {
    const auto response = ask("/v1/pos/redeem", headers);
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(header(response, "WWW-Authenticate"), "Bearer");
  }
  EXPECT_TRUE(house_.services.asked_at_till.empty());
}

TEST_F(Till, redeems) {
  const auto response = ask("/v1/pos/redeem");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response)["result"], "ok");
  EXPECT_EQ(body(response)["coupon"]["value"], "10.00");
  EXPECT_EQ(body(response)["coupon"]["uses_left"], 1);
  EXPECT_FALSE(body(response)["coupon"].contains("code"));
  ASSERT_EQ(house_.services.asked_at_till.size(), 1u);
  EXPECT_EQ(house_.services.asked_at_till[0].code, code_);
  EXPECT_EQ(house_.services.asked_at_till[0].amount, (Money{8000, "CNY"}));
  EXPECT_EQ(house_.services.asked_at_till[0].idempotency_key, "till:1") << "each key has its own";
}

TEST_F(Till, refuses_with_409_and_knows_what_it_does_not_know) {
  house_.services.till_answer.refused = Reason::already_redeemed;
  EXPECT_EQ(ask("/v1/pos/redeem").status, 409);
  EXPECT_EQ(code(ask("/v1/pos/redeem")), "already_redeemed");
  const auto check = ask("/v1/pos/check");
  EXPECT_EQ(check.status, 200);
  EXPECT_EQ(body(check)["redeemable"], false);
  EXPECT_EQ(body(check)["reason"], "already_redeemed");
  house_.services.till_answer = {};
  house_.services.till_answer.refused = Reason::not_found;
  EXPECT_EQ(ask("/v1/pos/redeem").status, 404);
  EXPECT_EQ(ask("/v1/pos/check").status, 404);
}

TEST_F(Till, says_what_is_wrong_with_an_order) {
  const auto status = [&](const char* key, json value) {
    auto saved = order_;
    order_[key] = std::move(value);
    const auto response = ask("/v1/pos/redeem");
    order_ = saved;
    if (response.status == 400) {
      EXPECT_NE(body(response).value("detail", "").find(key), std::string::npos) << response.body;
    }
    return response.status;
  };
  EXPECT_EQ(status("code", "ABC"), 404);
  EXPECT_EQ(status("code", 7), 400);
  EXPECT_EQ(status("code", ""), 400);
  EXPECT_EQ(status("amount", "1,00"), 400);
  EXPECT_EQ(status("amount", "-1.00"), 400);
  EXPECT_EQ(status("currency", ""), 400);
  EXPECT_EQ(status("terminal", std::string(65, 'x')), 400);
  EXPECT_EQ(status("operator", "a\nb"), 400);
  EXPECT_TRUE(house_.services.asked_at_till.empty());
}

TEST_F(Till, reserves_with_a_time_to_live) {
  house_.services.till_answer.coupon->state = campaign::CouponState::reserved;
  house_.services.till_answer.coupon->reservation = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(body(ask("/v1/pos/reserve"))["reservation"], "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(house_.services.asked_at_till.back().ttl, std::chrono::seconds(120));
  order_["ttl"] = 900;
  EXPECT_EQ(ask("/v1/pos/reserve").status, 200);
  EXPECT_EQ(house_.services.asked_at_till.back().ttl, std::chrono::seconds(900));
  for (const json& ttl : {json(901), json(0), json(-1), json("60"), json(1.5)}) {
    order_["ttl"] = ttl;
    EXPECT_EQ(ask("/v1/pos/reserve").status, 400) << ttl;
  }
  order_.erase("ttl");
  order_["reservation"] = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(ask("/v1/pos/redeem").status, 200);
  EXPECT_EQ(house_.services.asked_at_till.back().reservation, "0123456789abcdef0123456789abcdef");
}

TEST_F(Till, voids_for_a_reason) {
  EXPECT_EQ(ask("/v1/pos/void").status, 400);
  order_["reason"] = "whim";
  EXPECT_EQ(ask("/v1/pos/void").status, 400);
  for (const auto* reason : {"refund", "mistake", "dispute"}) {
    order_["reason"] = reason;
    EXPECT_EQ(ask("/v1/pos/void").status, 200);
    EXPECT_EQ(house_.services.asked_at_till.back().reason, reason);
  }
  order_.erase("code");
  EXPECT_EQ(ask("/v1/pos/void").status, 400);
  order_["sale"] = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(ask("/v1/pos/void").status, 200);
}

TEST_F(Till, sells_and_says_what_it_triggered) {
  order_.erase("code");
  auto& answer = house_.services.till_answer;
  answer.sale = "0123456789abcdef0123456789abcdef";
  campaign::DrawAnswer won{campaign::DrawAnswer::Result::won, "thanks", {}, answer.coupon, {}};
  won.prize = campaign::WonPrize{"tea", campaign::PrizeKind::coupon, {{"en", "Tea"}}, {}, {}};
  answer.triggered = {won};
  answer.coupon.reset();
  const auto response = ask("/v1/pos/sale");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response)["sale"], answer.sale);
  EXPECT_EQ(body(response)["triggered"][0]["campaign"], "thanks");
  EXPECT_EQ(body(response)["triggered"][0]["coupon"]["value"], "10.00");
  EXPECT_FALSE(body(response)["triggered"][0]["coupon"].contains("code")) << "the code is its holder's";
  order_.erase("amount");
  EXPECT_EQ(ask("/v1/pos/sale").status, 400);
}

TEST_F(Till, a_key_of_another_request_is_refused_in_words) {
  house_.services.till_answer = {};
  house_.services.till_answer.refused = Reason::nonce_used;
  house_.services.till_answer.key_in_use = true;
  const auto response = ask("/v1/pos/redeem");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(code(response), "nonce_used");
  EXPECT_NE(body(response)["detail"].get<std::string>().find("idempotency_key"), std::string::npos);
}

TEST_F(Till, takes_what_a_qr_code_says) {
  campaign::Coupon coupon = *house_.services.till_answer.coupon;
  coupon.campaign = "lunch";
  coupon.prize = "ten-off";
  const SignatureSeed other{7};
  auto settings = House::default_settings();
  settings.shop_keys = {{"store-002", public_key_of(other)}};
  House house(settings);
  order_["code"] = campaign::seal(coupon, "store-002", other);
  house.services.till_answer = house_.services.till_answer;
  EXPECT_EQ(house.json("/v1/pos/redeem", order_, "192.168.1.50", kKey).status, 200);
  ASSERT_TRUE(house.services.asked_at_till.back().sealed);
  EXPECT_EQ(house.services.asked_at_till.back().sealed->issuer, "store-002");
  order_["code"] = campaign::seal(coupon, "store-002", SignatureSeed{8});
  const auto refused = house.json("/v1/pos/redeem", order_, "192.168.1.50", kKey);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(code(refused), "bad_signature");
  EXPECT_EQ(house.services.refusals, std::vector<std::string>{"till bad_signature"});
}

// "Every refusal is counted", and these two were not.
TEST_F(Till, counts_what_it_refuses_without_asking) {
  order_["code"] = "a b";
  EXPECT_EQ(ask("/v1/pos/redeem").status, 404);
  order_["code"] = "F:ABCDEF";
  EXPECT_EQ(code(ask("/v1/pos/check")), "bad_signature");
  EXPECT_EQ(house_.services.refusals, (std::vector<std::string>{"till not_found", "till bad_signature"}));
  EXPECT_TRUE(house_.services.asked_at_till.empty());
}

TEST_F(Till, takes_a_code_of_the_merchants_own_list) {
  order_["code"] = " SPRING-2026-0001 ";
  EXPECT_EQ(ask("/v1/pos/redeem").status, 200);
  EXPECT_EQ(house_.services.asked_at_till.back().code, "");
  EXPECT_EQ(house_.services.asked_at_till.back().typed, "SPRING-2026-0001");
}

}  // namespace
}  // namespace foyer::portal
