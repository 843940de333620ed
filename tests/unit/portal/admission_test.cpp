#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using namespace test;
using campaign::Reason;

constexpr const char* kPhone = "10.77.0.3";

TEST(Admission, get_shows_a_button_and_changes_nothing) {
  House house;
  const auto token = house.token(TokenKind::screen);
  const auto page = house.get("/q/" + token, kPhone);
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("action=\"/q/" + token), std::string::npos);
  EXPECT_NE(page.body.find("Be nice."), std::string::npos);
  EXPECT_TRUE(house.services.orders.empty());
  EXPECT_TRUE(house.services.counts.empty());
}

TEST(Admission, post_admits_and_moves_on) {
  House house;
  const auto response = house.form("/q/" + house.token(TokenKind::screen), "consent=yes", kPhone);
  EXPECT_EQ(response.status, 303);
  EXPECT_EQ(header(response, "Location"), "/welcome");
  ASSERT_EQ(house.services.orders.size(), 1u);
  const auto& order = house.services.orders[0];
  EXPECT_EQ(to_string(order.ip), kPhone);
  EXPECT_EQ(order.visitor.device, "device-b");
  EXPECT_EQ(order.command.session.kind, "screen");
  EXPECT_EQ(order.command.session.zone, "entrance");
  EXPECT_EQ(order.command.session.evidence, 2);
  EXPECT_EQ(order.command.session.way, Way::link);
  EXPECT_TRUE(order.command.single_use);
  EXPECT_TRUE(order.command.consent);
  EXPECT_EQ(order.command.terms_hash.size(), 32u);
}

TEST(Admission, each_kind_brings_its_own_conditions) {
  House house;
  (void)house.form("/q/" + house.token(TokenKind::poster), "consent=yes", kPhone);
  (void)house.form("/q/" + house.token(TokenKind::staff), "consent=yes", kPhone);
  ASSERT_EQ(house.services.orders.size(), 2u);
  const auto& poster = house.services.orders[0].command;
  EXPECT_FALSE(poster.single_use);
  EXPECT_EQ(poster.cooldown, std::chrono::seconds(60));
  EXPECT_EQ(poster.per_device_per_day, 4u);
  EXPECT_EQ(poster.session.evidence, 1);
  EXPECT_EQ(house.services.orders[1].command.session.way, Way::staff);
  EXPECT_EQ(house.services.orders[1].command.session.evidence, 5);
}

TEST(Admission, a_poster_needs_the_shops_wifi) {
  House house;
  house.services.visitors[*parse_ip(kPhone)].associated = false;
  EXPECT_EQ(house.form("/q/" + house.token(TokenKind::poster), "consent=yes", kPhone).status, 400);
  EXPECT_TRUE(house.services.orders.empty());
}

TEST(Admission, json_does_what_the_form_does) {
  House house;
  EXPECT_EQ(house.json("/q/" + house.token(TokenKind::screen), {{"consent", "yes"}}, kPhone).status, 303);
  const auto refused = house.json("/q/" + house.token(TokenKind::screen), nlohmann::json::object(), kPhone);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(code(refused), "consent_missing");
  EXPECT_EQ(header(refused, "Content-Type"), "application/problem+json");
}

TEST(Admission, without_consent_asks_again) {
  House house;
  const auto response = house.form("/q/" + house.token(TokenKind::screen), "", kPhone);
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("accept the terms"), std::string::npos);
  EXPECT_TRUE(house.services.orders.empty());
  auto settings = House::default_settings();
  settings.consent_required = false;
  House free(settings);
  EXPECT_EQ(free.form("/q/" + free.token(TokenKind::screen), "", kPhone).status, 303);
  EXPECT_FALSE(free.services.orders.at(0).command.consent);
}

TEST(Admission, refusals_are_pages_with_the_status_of_their_reason) {
  House house;
  const auto good = house.token(TokenKind::receipt);
  EXPECT_EQ(house.form("/q/" + good + "x", "consent=yes", kPhone).status, 403);
  EXPECT_EQ(house.get("/q/nonsense", kPhone).status, 403);
  house.services.time += std::chrono::hours(13);
  const auto expired = house.form("/q/" + good, "consent=yes", kPhone);
  EXPECT_EQ(expired.status, 410);
  EXPECT_NE(header(expired, "Content-Type").find("text/html"), std::string::npos);
  EXPECT_EQ(expired.body.find(good), std::string::npos) << "the token is not repeated";
  house.services.time = kNow;
  house.services.refuse_admit = Reason::already_redeemed;
  EXPECT_EQ(house.form("/q/" + good, "consent=yes", kPhone).status, 400);
  house.services.refuse_admit = Reason::rate_limited;
  EXPECT_EQ(house.form("/q/" + good, "consent=yes", kPhone).status, 429);
}

TEST(Admission, five_attempts_a_minute) {
  House house;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(house.form("/join", "code=wrong&consent=yes", kPhone).status, 403);
  EXPECT_EQ(house.form("/join", "code=wrong&consent=yes", kPhone).status, 429);
  EXPECT_EQ(house.form("/q/" + house.token(TokenKind::screen), "consent=yes", kPhone).status, 429);
}

TEST(Admission, a_typed_code_may_have_spaces_or_be_a_whole_address) {
  House house;
  const auto token = house.token(TokenKind::receipt);
  EXPECT_EQ(house.form("/join", "consent=yes&code=+" + token.substr(0, 5) + "+" + token.substr(5) + "+", kPhone).status,
            303);
  EXPECT_EQ(
      house.form("/join", "consent=yes&code=http%3A%2F%2F10.77.0.1%2Fq%2F" + token + "%3Flang%3Den", kPhone).status,
      303);
  EXPECT_EQ(house.services.orders.at(1).command.session.way, Way::code);
  EXPECT_EQ(house.form("/join", "consent=yes", kPhone).status, 400);
}

TEST(Admission, who_is_not_on_our_side_is_told_to_join_first) {
  House house;
  const auto response = house.form("/q/" + house.token(TokenKind::screen), "consent=yes", "192.168.1.9");
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("presence_too_low"), std::string::npos);
}

TEST(Admission, a_busy_house_says_so) {
  House house;
  house.services.broken = Code::retry;
  const auto response = house.form("/q/" + house.token(TokenKind::screen), "consent=yes", kPhone);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header(response, "Retry-After"), "2");
  EXPECT_TRUE(house.services.failures.empty());
  house.services.broken = Code::fatal;
  EXPECT_EQ(house.form("/q/" + house.token(TokenKind::screen), "consent=yes", kPhone).status, 500);
  ASSERT_EQ(house.services.failures.size(), 1u);
  EXPECT_EQ(house.services.failures[0], "/q/{token}: broken on purpose");
}

}  // namespace
}  // namespace foyer::portal
