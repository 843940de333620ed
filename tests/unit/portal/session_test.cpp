#include <gtest/gtest.h>

#include "fake_services.hpp"
#include "portal/pass.hpp"

/// What follows a phone, what is typed, and who vouches for whom.
namespace foyer::portal {
namespace {

using namespace test;
using campaign::Reason;

constexpr const char* kIn = "10.77.0.2";
constexpr const char* kPhone = "10.77.0.3";
constexpr const char* kSession = "11111111111111111111111111111111";

ports::HttpResponse get_with_cookie(const House& house, const std::string& path, const std::string& cookie,
                                    const char* from = kPhone) {
  auto request = House::request("GET", path, from);
  request.headers.emplace_back("Cookie", cookie);
  return house.portal.handle(request);
}

TEST(Cookie, is_given_with_the_admission_and_kept_from_script_and_other_sites) {
  House house;
  house.services.admitted = Session{};
  house.services.admitted->id = kSession;
  house.services.admitted->until = kNow + std::chrono::hours(2);
  const auto response = house.form("/q/" + house.token(TokenKind::screen), "consent=yes", kPhone);
  const auto cookie = header(response, "Set-Cookie");
  EXPECT_EQ(cookie, "foyer=" + make_pass(House::keys(), kSession) + "; Path=/; Max-Age=7200; HttpOnly; SameSite=Lax");
  auto request = House::request("GET", "/welcome", kIn);
  request.tls = true;
  EXPECT_NE(header(house.portal.handle(request), "Set-Cookie").find("; Secure"), std::string::npos);
}

TEST(Cookie, carries_the_session_to_a_new_address_and_leaves_the_old_one) {
  House house;
  const auto pass = make_pass(House::keys(), kSession);
  EXPECT_EQ(get_with_cookie(house, "/welcome", "x=y; foyer=" + pass + "; z").status, 200);
  ASSERT_EQ(house.services.carried.size(), 1u);
  EXPECT_EQ(house.services.carried[0], (std::pair<std::string, std::string>{kSession, kPhone}));
  EXPECT_EQ(house.get("/welcome", kIn).status, 303) << "the old address is out";
  EXPECT_EQ(get_with_cookie(house, "/v1/me", "foyer=" + pass).status, 200);
  EXPECT_EQ(house.services.carried.size(), 1u) << "who is in is not moved";
}

TEST(Cookie, of_anybody_else_changes_nothing) {
  House house;
  auto forged = make_pass(House::keys(), kSession);
  forged[20] = forged[20] == 'A' ? 'B' : 'A';
  for (const std::string& cookie :
       {"foyer=" + forged, std::string("foyer="), "foyers=" + make_pass(House::keys(), kSession),
        "foyer=" + house.token(TokenKind::staff)})
    EXPECT_EQ(get_with_cookie(house, "/welcome", cookie).status, 303) << cookie;
  EXPECT_TRUE(house.services.carried.empty());
  EXPECT_EQ(get_with_cookie(house, "/", "foyer=" + make_pass(House::keys(), kSession), "192.168.1.9").status, 200);
  EXPECT_TRUE(house.services.carried.empty()) << "a device nobody knows is given nothing";
}

TEST(Cookie, is_looked_at_ten_times_a_minute) {
  House house;
  const auto nobodys = make_pass(House::keys(), "22222222222222222222222222222222");
  for (int i = 0; i < 15; ++i) (void)get_with_cookie(house, "/", "foyer=" + nobodys);
  EXPECT_EQ(house.services.carried.size(), 10u);
}

TEST(PassLink, asks_first_and_carries_on_post) {
  House house;
  const auto path = "/q/" + make_pass(House::keys(), kSession);
  EXPECT_EQ(house.get(path, kPhone).status, 200);
  EXPECT_TRUE(house.services.carried.empty());
  const auto response = house.form(path, "", kPhone);
  EXPECT_EQ(response.status, 303);
  EXPECT_NE(header(response, "Set-Cookie"), "");
  EXPECT_EQ(house.services.carried.size(), 1u);
  EXPECT_EQ(house.form("/q/" + make_pass(House::keys(), "22222222222222222222222222222222"), "", kPhone).status, 410);
  auto forged = path;
  forged[30] = forged[30] == 'A' ? 'B' : 'A';
  EXPECT_EQ(house.form(forged, "", kPhone).status, 403);
}

TEST(Typed, code_of_the_screen_lets_in) {
  House house;
  const auto minted = mint({TokenKind::screen, "store-001", "entrance", {}}, House::keys(), kNow,
                           std::chrono::seconds(30), House::counting());
  EXPECT_NE(
      house.get("/screen/entrance", "127.0.0.1").body.find(minted.code.substr(0, 4) + "-" + minted.code.substr(4)),
      std::string::npos);
  EXPECT_EQ(house.form("/join", "consent=yes&code=" + minted.code, kPhone).status, 303);
  ASSERT_EQ(house.services.orders.size(), 1u);
  EXPECT_EQ(house.services.orders[0].command.session.zone, "entrance");
  EXPECT_EQ(house.services.orders[0].command.session.way, Way::code);
  EXPECT_EQ(house.services.guesses, std::vector<bool>{true});
}

TEST(Typed, code_of_a_receipt_is_looked_up_and_signed_anew) {
  House house;
  const auto minted = mint({TokenKind::receipt, "store-001", "", std::chrono::hours(1)}, House::keys(), kNow,
                           std::chrono::seconds(30), House::counting());
  house.services.typed_codes[minted.code] = body_of(minted.text);
  EXPECT_EQ(house.form("/join", "consent=yes&code=" + minted.code, kPhone).status, 303);
  EXPECT_TRUE(house.services.orders.at(0).command.once);
}

TEST(Typed, wrong_codes_are_told_of_and_slowed_down) {
  House house;
  EXPECT_EQ(house.form("/join", "consent=yes&code=AAAA-AAAA", kPhone).status, 403);
  EXPECT_EQ(house.services.guesses, std::vector<bool>{false});
  house.services.may_type = false;
  EXPECT_EQ(house.form("/join", "consent=yes&code=AAAA-AAAA", kPhone).status, 429);
  EXPECT_EQ(house.form("/join", "consent=yes&code=" + house.token(TokenKind::screen), kPhone).status, 303)
      << "a whole token is no guess";
}

std::string pair_of(const House& house) { return "/pair/" + house.services.pairings.at(0).id; }

TEST(Pair, a_laptop_is_let_in_by_a_phone_that_is_in) {
  House house;
  EXPECT_EQ(house.form("/pair", "", kPhone).status, 400) << "no consent";
  const auto begun = house.form("/pair", "consent=yes", kPhone);
  EXPECT_EQ(begun.status, 303);
  EXPECT_EQ(header(begun, "Location"), pair_of(house));
  const auto waiting = house.get(pair_of(house), kPhone);
  EXPECT_EQ(waiting.status, 200);
  EXPECT_NE(waiting.body.find("0417"), std::string::npos);
  EXPECT_NE(waiting.body.find("<svg"), std::string::npos);
  const auto asked = house.get(pair_of(house), kIn);
  EXPECT_NE(asked.body.find("0417"), std::string::npos);
  EXPECT_TRUE(house.services.orders.empty()) << "looking lets nobody in";
  EXPECT_EQ(house.form(pair_of(house), "", kIn).status, 200);
  ASSERT_EQ(house.services.orders.size(), 1u);
  const auto& order = house.services.orders[0];
  EXPECT_EQ(to_string(order.ip), kPhone);
  EXPECT_EQ(order.visitor.device, "device-b");
  EXPECT_EQ(order.command.session.way, Way::pair);
  EXPECT_EQ(order.command.session.evidence, 0) << "another's word is no proof of presence";
  EXPECT_EQ(order.latest, kNow + std::chrono::hours(1));
  EXPECT_TRUE(order.command.consent);
  EXPECT_EQ(house.form(pair_of(house), "", kIn).status, 410) << "once";
}

TEST(Pair, nobody_outside_and_nobody_paired_vouches) {
  House house;
  (void)house.form("/pair", "consent=yes", kPhone);
  EXPECT_EQ(house.form(pair_of(house), "", kPhone).status, 403);
  house.services.visitors[*parse_ip(kIn)].session->way = Way::pair;
  EXPECT_EQ(house.form(pair_of(house), "", kIn).status, 403);
  EXPECT_TRUE(house.services.orders.empty());
  EXPECT_EQ(house.get("/pair/ffffffffffffffffffffffffffffffff", kIn).status, 410);
}

TEST(Pair, speaks_json_too) {
  House house;
  const auto begun = house.json("/pair", {{"consent", "yes"}}, kPhone);
  EXPECT_EQ(begun.status, 201);
  EXPECT_EQ(body(begun)["url"], "http://10.77.0.1" + pair_of(house));
  auto request = House::request("GET", pair_of(house), kPhone);
  request.headers.emplace_back("Accept", "application/json");
  EXPECT_EQ(body(house.portal.handle(request))["state"], "waiting");
  EXPECT_EQ(body(house.json(pair_of(house), nlohmann::json::object()))["state"], "confirmed");
  EXPECT_EQ(body(house.portal.handle(request))["state"], "confirmed");
}

TEST(Pair, another_device_at_that_address_is_not_let_in) {
  House house;
  (void)house.form("/pair", "consent=yes", kPhone);
  house.services.visitors[*parse_ip(kPhone)].device = "device-c";
  EXPECT_EQ(house.form(pair_of(house), "", kIn).status, 410);
  EXPECT_TRUE(house.services.orders.empty());
}

// A laptop whose admission was refused was told that it is in, for ever, and a vouch was spent on it.
TEST(Pair, refused_goes_on_waiting) {
  House house;
  (void)house.form("/pair", "consent=yes", kPhone);
  auto state = House::request("GET", pair_of(house), kPhone);
  state.headers.emplace_back("Accept", "application/json");
  house.services.refuse_admit = campaign::Reason::rate_limited;
  EXPECT_EQ(house.form(pair_of(house), "", kIn).status, 429);
  EXPECT_EQ(body(house.portal.handle(state))["state"], "waiting");
  house.services.refuse_admit.reset();
  EXPECT_EQ(house.form(pair_of(house), "", kIn).status, 200);
  EXPECT_EQ(body(house.portal.handle(state))["state"], "confirmed");
}

TEST(Tally, counts_systems_ways_and_reasons) {
  House house;
  const auto probe = [&](const char* host, const char* path) {
    auto request = House::request("GET", path, kPhone);
    request.headers = {{"Host", host}};
    (void)house.portal.handle(request);
  };
  probe("captive.apple.com", "/hotspot-detect.html");
  probe("connectivitycheck.gstatic.com", "/generate_204");
  probe("connect.rom.miui.com", "/generate_204");
  probe("www.msftconnecttest.com", "/connecttest.txt");
  probe("notapple.com", "/");
  (void)house.form("/q/" + house.token(TokenKind::screen), "consent=yes", kPhone);
  (void)house.form("/q/nonsense", "consent=yes", kPhone);
  const auto of = [](const Tally::Counts& counts, const std::string& name) {
    for (const auto& [key, value] : counts)
      if (key == name) return value;
    return std::uint64_t{0};
  };
  EXPECT_EQ(house.tally.redirects(), 5u);
  EXPECT_EQ(of(house.tally.probes(), "apple"), 1u);
  EXPECT_EQ(of(house.tally.probes(), "android"), 2u);
  EXPECT_EQ(of(house.tally.probes(), "windows"), 1u);
  EXPECT_EQ(of(house.tally.probes(), "other"), 1u);
  EXPECT_EQ(of(house.tally.admissions(), "link"), 1u);
  EXPECT_EQ(of(house.tally.refusals(), "bad_signature"), 1u);
}

TEST(Panic, of_a_handler_is_a_500_that_is_counted_and_reported) {
  House house;
  house.services.throws = true;
  const auto response = house.get("/v1/me");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(code(response), "internal");
  EXPECT_EQ(house.tally.panics(), 1u);
  ASSERT_EQ(house.services.failures.size(), 1u);
  EXPECT_EQ(house.services.failures[0], "/v1/me: panic: thrown on purpose");
  house.services.throws = false;
  EXPECT_EQ(house.get("/v1/me").status, 200);
}

}  // namespace
}  // namespace foyer::portal
