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
  EXPECT_TRUE(house_.services.till.empty());
}

TEST_F(Till, redeems) {
  const auto response = ask("/v1/pos/redeem");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response)["result"], "ok");
  EXPECT_EQ(body(response)["coupon"]["value"], "10.00");
  EXPECT_EQ(body(response)["coupon"]["uses_left"], 1);
  EXPECT_FALSE(body(response)["coupon"].contains("code"));
  ASSERT_EQ(house_.services.till.size(), 1u);
  EXPECT_EQ(house_.services.till[0].code, code_);
  EXPECT_EQ(house_.services.till[0].amount, (Money{8000, "CNY"}));
  EXPECT_EQ(house_.services.till[0].idempotency_key, "till:1") << "each key has its own";
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
  EXPECT_TRUE(house_.services.till.empty());
}

}  // namespace
}  // namespace foyer::portal
