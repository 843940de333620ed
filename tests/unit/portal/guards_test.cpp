#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "fake_services.hpp"
#include "paths.hpp"
#include "portal/admin.hpp"
#include "portal/display.hpp"
#include "portal/html.hpp"
#include "portal/respond.hpp"
#include "portal/routes.hpp"

namespace foyer::portal {
namespace {

using namespace test;
using nlohmann::json;

TEST(Guards, a_post_of_another_site_is_refused_and_changes_nothing) {
  House house;
  const auto status = [&](const char* name, const char* value, bool tls = false) {
    auto request = House::request("POST", "/shake");
    request.headers.emplace_back(name, value);
    request.tls = tls;
    return house.portal.handle(request).status;
  };
  EXPECT_EQ(status("Origin", "https://evil.example"), 403);
  EXPECT_EQ(status("Origin", "null"), 403);
  EXPECT_EQ(status("Origin", "http://10.77.0.1.evil.example"), 403);
  EXPECT_EQ(status("Origin", "http://10.77.0.1", true), 403) << "the plain page of the same host";
  EXPECT_EQ(status("Sec-Fetch-Site", "cross-site"), 403);
  EXPECT_EQ(status("Sec-Fetch-Site", "same-site"), 403);
  EXPECT_TRUE(house.services.draws.empty());
  EXPECT_EQ(status("Origin", "http://10.77.0.1"), 200);
  EXPECT_EQ(status("Sec-Fetch-Site", "same-origin"), 200);
}

TEST(Guards, json_wants_its_type_and_its_shape) {
  House house;
  auto request = House::request("POST", "/v1/draws");
  request.body = R"({"nonce":"x"})";
  EXPECT_EQ(house.portal.handle(request).status, 415);
  request.headers.emplace_back("Content-Type", "text/plain");
  EXPECT_EQ(house.portal.handle(request).status, 415);
  request.headers.back().second = "application/json";
  for (const char* wrong : {"", "{", "[]", "\"x\"", "{\"nonce\":\"\xff\"}"}) {
    request.body = wrong;
    const auto response = house.portal.handle(request);
    EXPECT_EQ(response.status, 400) << wrong;
    EXPECT_EQ(code(response), "bad_request");
    EXPECT_FALSE(body(response).value("detail", "").empty());
  }
}

TEST(Guards, a_body_that_is_not_json_is_refused_also_where_none_is_needed) {
  House house;
  for (const char* path : {"/v1/draws/open", "/v1/me/beacon"}) {
    auto request = House::request("POST", path);
    EXPECT_NE(house.portal.handle(request).status, 415) << path << " without a body";
    request.body = "{}";
    EXPECT_EQ(house.portal.handle(request).status, 415) << path;
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    EXPECT_EQ(house.portal.handle(request).status, 415) << path;
    request.headers.back().second = "application/json";
    EXPECT_NE(house.portal.handle(request).status, 415) << path;
  }
}

TEST(Guards, unknown_paths_and_methods) {
  House house;
  EXPECT_EQ(house.get("/nothing").status, 404);
  EXPECT_NE(header(house.get("/nothing"), "Content-Type").find("text/html"), std::string::npos);
  EXPECT_EQ(code(house.get("/v1/nothing")), "not_found");
  const auto wrong = house.portal.handle(House::request("DELETE", "/shake"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(header(wrong, "Allow"), "GET, POST");
  EXPECT_EQ(house.portal.handle(House::request("HEAD", "/")).status, 200);
}

TEST(Pages, are_small_closed_and_escaped) {
  House house;
  const std::vector<std::string> pages{
      "/", "/welcome", "/shake", "/coupons", "/privacy", "/screen/entrance", "/q/" + house.token(TokenKind::screen)};
  for (const auto& path : pages) {
    for (const std::string language : {"en", "zh-CN"}) {
      const auto from = path.starts_with("/screen/") ? "127.0.0.1" : "10.77.0.2";
      const auto page = house.get(path + "?lang=" + language, from);
      EXPECT_EQ(page.status, 200) << path;
      EXPECT_LT(page.body.size() + embedded_page("portal.css").size() + embedded_page("shake.js").size(), 60u * 1024)
          << path;
      EXPECT_EQ(header(page, "Cache-Control"), "no-store");
      EXPECT_EQ(header(page, "Referrer-Policy"), "same-origin");
      EXPECT_EQ(header(page, "X-Content-Type-Options"), "nosniff");
      EXPECT_NE(header(page, "Content-Security-Policy").find("default-src 'self'"), std::string::npos);
      EXPECT_EQ(page.body.find("<Store>"), std::string::npos) << path;
      EXPECT_EQ(page.body.find(" style="), std::string::npos) << path << ": the policy forbids it";
      EXPECT_EQ(page.body.find("{{"), std::string::npos) << path;
      for (const char* outside : {"src=\"http", "href=\"http", "url(http"})
        EXPECT_EQ(page.body.find(outside), std::string::npos) << path;
      EXPECT_NE(page.body.find("lang=\"" + language), std::string::npos) << path;
    }
  }
}

TEST(Pages, say_everything_in_both_languages) {
  const auto& english = page_texts("en");
  const auto& chinese = page_texts("zh-CN");
  for (const auto& [key, text] : english.items()) {
    ASSERT_TRUE(chinese.contains(key)) << key;
    EXPECT_FALSE(text.get<std::string>().empty()) << key;
    EXPECT_FALSE(chinese[key].get<std::string>().empty()) << key;
  }
  EXPECT_EQ(english.size(), chinese.size());
}

TEST(Pages, use_only_texts_that_exist) {
  for (const char* name : {"layout", "home", "confirm", "welcome", "shake", "result", "coupons", "coupon", "rules",
                           "privacy", "screen", "message"}) {
    const std::string page(embedded_page(std::string(name) + ".mustache"));
    for (auto at = page.find("{{t."); at != std::string::npos; at = page.find("{{t.", at + 1)) {
      const auto key = page.substr(at + 4, page.find("}}", at) - at - 4);
      EXPECT_TRUE(page_texts("en").contains(key)) << name << ": " << key;
    }
  }
}

TEST(Pages, choose_the_language_by_wish_then_browser_then_shop) {
  House house;
  const auto language = [&](std::string target, std::string accept) {
    auto request = House::request("GET", std::move(target));
    request.headers = {{"Host", "10.77.0.1"}, {"Accept-Language", std::move(accept)}};
    return header(house.portal.handle(request), "Content-Language");
  };
  EXPECT_EQ(language("/", "en-GB,en;q=0.9"), "en");
  EXPECT_EQ(language("/", "zh"), "zh-CN");
  EXPECT_EQ(language("/", "fr, zh-TW;q=0.5, en;q=0.7"), "en");
  EXPECT_EQ(language("/", "fr"), "zh-CN") << "the shop's first";
  EXPECT_EQ(language("/", ";;q=,,"), "zh-CN");
  EXPECT_EQ(language("/?lang=en", "zh"), "en");
  EXPECT_EQ(language("/?lang=%2F%2Fevil", "en"), "en");
}

TEST(Screen, shows_a_token_that_admits) {
  House house;
  const auto page = house.get("/screen/entrance", "127.0.0.1");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("class=\"qr\""), std::string::npos);
  EXPECT_NE(page.body.find("http-equiv=\"refresh\""), std::string::npos);
  EXPECT_EQ(house.get("/screen/cellar", "127.0.0.1").status, 404);
}

// A phone on the guests' Wi-Fi read the token from the page and was in without having scanned anything.
TEST(Screen, is_not_shown_to_phones) {
  House house;
  for (const auto* phone : {"10.77.0.2", "10.77.0.3", "192.168.1.9", "fe80::1"}) {
    const auto refused = house.get("/screen/entrance", phone);
    EXPECT_EQ(refused.status, 403) << phone;
    EXPECT_EQ(refused.body.find("class=\"qr\""), std::string::npos) << phone;
    EXPECT_EQ(house.portal.handle(House::request("HEAD", "/screen/entrance", phone)).status, 403) << phone;
  }
  EXPECT_EQ(house.get("/screen/entrance", "10.77.0.1").status, 200) << "the box's own display, by its own address";
  auto display = House::request("GET", "/screen/entrance", "fd00:77::1");
  display.local = display.remote;
  EXPECT_EQ(house.portal.handle(display).status, 200) << "likewise";
  EXPECT_EQ(house.get("/screen/entrance", "::1").status, 200);
  auto simulated = House::default_settings();
  simulated.own_loopback = true;
  EXPECT_EQ(House(simulated).get("/screen/entrance").status, 200) << "every phone is the box";
}

TEST(Screen, is_shown_by_the_link_of_a_display) {
  auto settings = House::default_settings();
  settings.zones.push_back({"food", {{"en", "Food"}}});
  House house(settings);
  const auto link = [](TokenKeys keys, std::string_view store, std::string_view zone) {
    return "/screen/entrance?key=" + display_key(keys, store, zone);
  };
  const auto key = display_key(House::keys(), "store-001", "entrance");
  EXPECT_EQ(house.get("/screen/entrance?key=" + key).status, 200);
  EXPECT_EQ(house.get("/screen/food?key=" + key).status, 403) << "of another zone";
  EXPECT_EQ(house.get(link(House::keys(), "store-002", "entrance")).status, 403) << "of another shop";
  auto changed = key;
  changed[8] = changed[8] == 'A' ? 'B' : 'A';
  for (const auto& wrong : {changed, key.substr(1), std::string(5000, 'A'), house.token(TokenKind::screen)})
    EXPECT_EQ(house.get("/screen/entrance?key=" + wrong).status, 403) << wrong;
  auto earlier = House::keys();
  earlier.current = earlier.previous.front();
  EXPECT_EQ(house.get(link(earlier, "store-001", "entrance")).status, 200) << "the key is being replaced";
  house.services.time = kNow + std::chrono::hours(3);
  EXPECT_EQ(house.get(link(earlier, "store-001", "entrance")).status, 403) << "and is over";
  EXPECT_EQ(house.get("/screen/entrance?key=" + key).status, 200);
}

TEST(Me, tells_a_phone_about_itself) {
  House house;
  const auto me = body(house.get("/v1/me"));
  EXPECT_EQ(me["subject"], "subject-a");
  EXPECT_EQ(me["session"], "11111111111111111111111111111111");
  EXPECT_EQ(me["presence"], 3);
  EXPECT_EQ(me["zone"], "entrance");
  EXPECT_EQ(me["languages"], json::array({"zh-CN", "en"}));
  EXPECT_TRUE(body(house.get("/v1/me", "10.77.0.3"))["session"].is_null());
  EXPECT_EQ(house.get("/v1/me", "192.168.1.9").status, 403);
  EXPECT_EQ(house.json("/v1/me/consent", {{"consent", "no"}}).status, 200);
  EXPECT_EQ(house.services.consents.at(0), std::make_pair(std::string("subject-a"), false));
  EXPECT_EQ(house.json("/v1/me/consent", {{"consent", "maybe"}}).status, 400);
}

TEST(Assets, carry_the_accent_and_nothing_a_configuration_could_smuggle) {
  auto settings = House::default_settings();
  settings.accent = "#123abc";
  EXPECT_TRUE(House(settings).get("/assets/portal.css").body.starts_with(":root{--accent:#123abc}"));
  settings.accent = "red}body{display:none";
  EXPECT_TRUE(House(settings).get("/assets/portal.css").body.starts_with(":root{--accent:#07c160}"));
}

TEST(Routes, are_in_openapi_and_nothing_else_is) {
  std::ifstream file(FOYER_SOURCE_DIR "/docs/openapi.yaml");
  ASSERT_TRUE(file);
  std::set<std::string> written;
  std::string path;
  bool paths = false;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != ' ') paths = line == "paths:";
    if (!paths) continue;
    if (line.starts_with("  /")) path = line.substr(2, line.rfind(':') - 2);
    for (const char* method : {"get", "post", "put", "patch", "delete"})
      if (line == std::string("    ") + method + ":") {
        std::string upper(method);
        std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return static_cast<char>(c - 32); });
        written.insert(upper + " " + path);
      }
  }
  std::set<std::string> built;
  for (const auto& names : {guest_route_names(), admin_route_names()})
    for (const auto& one : names) built.insert(std::string(one.method) + " " + std::string(one.pattern));
  EXPECT_EQ(written, built);
}

class FakeAdmin final : public AdminServices {
 public:
  Result<std::string> status_json() override { return std::string(R"({"ok":true})"); }
  Result<std::string> radio_json() override { return fail(Code::retry, "busy"); }
  Result<std::string> presence_json() override { return std::string("[]"); }
  Result<std::string> presence_hours_json() override { return std::string("[]"); }
  Result<std::string> clients_json() override { return std::string("[]"); }
  Result<std::string> outbox_json() override { return std::string("{}"); }
  Result<std::string> metrics_text() override { return std::string("foyer_up 1\n"); }
  std::pair<bool, std::string> ready() override { return {is_ready, R"({"ledger":true})"}; }
  Result<std::string> admit(const std::string& address) override {
    if (address != "10.77.0.2") return fail(Code::refuse, "nobody has {}", address);
    return std::string(R"({"admitted":true})");
  }
  Result<std::string> remove(const std::string& address, std::optional<std::chrono::seconds> keep_out) override {
    removed = address + "/" + (keep_out ? std::to_string(keep_out->count()) : "");
    return std::string("{}");
  }
  Result<std::string> mint_token(const std::string& kind, const std::string& zone,
                                 std::optional<std::chrono::seconds> ttl) override {
    minted = kind + "/" + zone + "/" + (ttl ? std::to_string(ttl->count()) : "-");
    return std::string("{}");
  }
  Result<PrintFacts> print_facts(const PrintOrder& order) override {
    printed = order;
    return PrintFacts{{{"en", "Shop"}}, {"en"}, "#07c160", nullptr, "Store", "", "http://10.77.0.1/q/x", "ABCDEFGH"};
  }
  Result<std::string> rotate_tokens() override { return std::string(R"({"key":2,"previous":[]})"); }
  Result<std::string> coupon_json(const std::string& typed) override { return said("show " + typed); }
  Result<std::string> void_coupon(const std::string& typed, const std::string& reason,
                                  const campaign::Order&) override {
    return said("void " + typed + " " + reason);
  }
  Result<std::string> redeem(const std::string&) override { return fail(Code::refuse, "already_redeemed"); }
  Result<std::string> import_codes(const std::string& campaign, const std::string& prize,
                                   std::vector<std::string> codes, bool dry) override {
    return said(campaign + " " + prize + " " + std::to_string(codes.size()) + (dry ? " dry" : ""));
  }
  Result<std::string> coupon_key_json() override { return std::string("{}"); }
  Result<std::string> staff_json() override { return std::string("[]"); }
  Result<std::string> add_staff(const std::string& name, const std::string& role, const std::string& pin) override {
    return said(name + " " + role + " " + pin);
  }
  Result<std::string> remove_staff(const std::string& name) override { return said("remove " + name); }
  Result<std::string> export_subject(const std::string& subject) override { return said("export " + subject); }
  Result<std::string> erase_subject(const std::string& subject) override { return said("erase " + subject); }
  Result<std::string> campaigns_json() override { return std::string("[]"); }
  Result<std::string> campaign_json(const std::string& id) override { return json{{"campaign", id}}.dump(); }
  Result<std::string> push_campaign(const std::string& text) override { return text; }
  Result<std::string> pause_campaign(const std::string& id, bool paused) override {
    return json{{"campaign", id}, {"paused", paused}}.dump();
  }
  Result<std::string> set_segments(const std::string& subject, const std::vector<std::string>& names) override {
    return json{{"subject", subject}, {"segments", names}}.dump();
  }
  Result<std::string> stats_json(int days) override { return json{{"days", days}}.dump(); }
  std::shared_ptr<ports::HttpStream> follow_events() override { return nullptr; }
  Result<std::string> said(std::string what) {
    asked = std::move(what);
    return std::string("{}");
  }
  std::string asked;
  bool is_ready = true;
  std::string minted, removed;
  std::optional<PrintOrder> printed;
};

ports::HttpResponse ask(const Admin& admin, const char* method, const char* path, const json& object = {},
                        const char* authorization = nullptr) {
  auto request = House::request(method, path);
  if (!object.is_null()) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = object.dump();
  }
  if (authorization) request.headers.emplace_back("Authorization", authorization);
  return admin.handle(request);
}

TEST(AdminSide, steers_campaigns) {
  FakeAdmin services;
  Admin admin(services);
  EXPECT_EQ(ask(admin, "GET", "/v1/campaigns", nullptr).body, "[]");
  EXPECT_EQ(ask(admin, "GET", "/v1/campaigns/lunch", nullptr).body, R"({"campaign":"lunch"})");
  EXPECT_EQ(ask(admin, "POST", "/v1/campaigns/lunch/pause").body, R"({"campaign":"lunch","paused":true})");
  EXPECT_EQ(ask(admin, "POST", "/v1/campaigns/lunch/resume").body, R"({"campaign":"lunch","paused":false})");
  EXPECT_EQ(ask(admin, "POST", "/v1/campaigns", {{"id", "c"}}).body, R"({"id":"c"})");
  EXPECT_EQ(ask(admin, "POST", "/v1/segments", {{"subject", "a"}, {"segments", {"gold"}}}).status, 200);
  EXPECT_EQ(ask(admin, "POST", "/v1/segments", {{"subject", "a"}, {"segments", "gold"}}).status, 400);
  EXPECT_EQ(ask(admin, "GET", "/v1/stats", nullptr).body, R"({"days":7})");
}

TEST(AdminSide, has_a_live_page_of_its_own_files) {
  FakeAdmin services;
  Admin admin(services, sha256(as_bytes("secret")));
  EXPECT_EQ(ask(admin, "GET", "/", nullptr).status, 401);
  const auto page = ask(admin, "GET", "/", nullptr, "Basic eDpzZWNyZXQ=");  // x:secret
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("/assets/live.js"), std::string::npos);
  EXPECT_NE(header(page, "Content-Security-Policy").find("default-src 'self'"), std::string::npos);
  EXPECT_EQ(ask(admin, "GET", "/assets/live.js", nullptr, "Basic eDpzZWNyZXQ=").status, 200);
}

TEST(AdminSide, answers_and_mints) {
  FakeAdmin services;
  Admin admin(services);
  EXPECT_EQ(ask(admin, "GET", "/v1/status").body, R"({"ok":true})");
  EXPECT_EQ(ask(admin, "GET", "/v1/radio").status, 503);
  EXPECT_EQ(ask(admin, "GET", "/v1/nothing").status, 404);
  EXPECT_EQ(ask(admin, "GET", "/v1/tokens").status, 405);
  EXPECT_EQ(ask(admin, "GET", "/v1/events").status, 503);
  EXPECT_EQ(ask(admin, "GET", "/readyz").status, 200);
  services.is_ready = false;
  EXPECT_EQ(ask(admin, "GET", "/readyz").status, 503);
  EXPECT_EQ(ask(admin, "POST", "/v1/clients/admit", {{"address", "10.77.0.2"}}).status, 200);
  EXPECT_EQ(ask(admin, "POST", "/v1/clients/admit", {{"address", "10.77.0.9"}}).status, 400);
  EXPECT_EQ(ask(admin, "POST", "/v1/clients/admit", json::object()).status, 400);
  EXPECT_EQ(ask(admin, "POST", "/v1/clients/remove", {{"address", "10.77.0.2"}}).status, 200);
  EXPECT_EQ(services.removed, "10.77.0.2/");
  EXPECT_EQ(ask(admin, "POST", "/v1/clients/remove", {{"address", "10.77.0.2"}, {"for", "1h"}}).status, 200);
  EXPECT_EQ(services.removed, "10.77.0.2/3600");
  EXPECT_EQ(ask(admin, "POST", "/v1/clients/remove", {{"address", "10.77.0.2"}, {"for", "a while"}}).status, 400);
  EXPECT_EQ(ask(admin, "POST", "/v1/tokens", {{"kind", "poster"}, {"zone", "food"}, {"ttl", "2h"}}).status, 200);
  EXPECT_EQ(services.minted, "poster/food/7200");
  EXPECT_EQ(ask(admin, "POST", "/v1/tokens", {{"kind", "poster"}, {"ttl", 90}}).status, 200);
  EXPECT_EQ(services.minted, "poster//90");
  EXPECT_EQ(ask(admin, "POST", "/v1/tokens", {{"kind", "poster"}, {"ttl", "soon"}}).status, 400);
}

TEST(AdminSide, prints_pictures) {
  FakeAdmin services;
  Admin admin(services);
  const auto poster = ask(admin, "POST", "/v1/qr", {{"what", "poster"}, {"format", "svg"}, {"paper", "a5"}});
  EXPECT_EQ(poster.status, 200);
  EXPECT_EQ(header(poster, "Content-Type"), "image/svg+xml");
  EXPECT_TRUE(services.printed->a5);
  EXPECT_EQ(header(ask(admin, "POST", "/v1/qr", {{"what", "wifi"}, {"format", "png"}}), "Content-Type"), "image/png");
  EXPECT_EQ(ask(admin, "POST", "/v1/qr", {{"what", "tea"}}).status, 400);
  EXPECT_EQ(ask(admin, "POST", "/v1/qr", {{"what", "wifi"}, {"format", "gif"}}).status, 400);
}

TEST(AdminSide, hands_on_what_concerns_coupons_staff_and_people) {
  FakeAdmin services;
  Admin admin(services);
  const auto says = [&](const char* path, const json& object) {
    services.asked.clear();
    const auto response = ask(admin, "POST", path, object);
    return response.status == 200 ? services.asked : std::to_string(response.status);
  };
  EXPECT_EQ(says("/v1/coupons/show", {{"code", "ABC"}}), "show ABC");
  EXPECT_EQ(says("/v1/coupons/show", json::object()), "400");
  EXPECT_EQ(says("/v1/coupons/void", {{"code", "ABC"}, {"reason", "lost"}}), "void ABC lost");
  EXPECT_EQ(says("/v1/coupons/void", {{"code", "ABC"}}), "400");
  EXPECT_EQ(says("/v1/coupons/redeem", {{"code", "ABC"}}), "400");
  EXPECT_EQ(says("/v1/coupons/import", {{"campaign", "c"}, {"prize", "p"}, {"codes", {"A", "B"}}, {"dry", true}}),
            "c p 2 dry");
  EXPECT_EQ(says("/v1/coupons/import", {{"campaign", "c"}, {"prize", "p"}, {"codes", {1}}}), "400");
  EXPECT_EQ(says("/v1/coupons/import",
                 {{"campaign", "c"}, {"prize", "p"}, {"codes", json(std::vector<std::string>(1001, "A"))}}),
            "400");
  EXPECT_EQ(says("/v1/staff", {{"name", "mei"}}), "mei cashier ");
  EXPECT_EQ(says("/v1/staff", {{"name", "mei"}, {"role", "manager"}, {"pin", "4711"}}), "mei manager 4711");
  EXPECT_EQ(says("/v1/staff", {{"name", "mei"}, {"role", "king"}}), "400");
  EXPECT_EQ(says("/v1/staff", {{"name", "mei"}, {"pin", "123"}}), "400");
  EXPECT_EQ(says("/v1/staff/remove", {{"name", "mei"}}), "remove mei");
  EXPECT_EQ(says("/v1/subjects/export", {{"subject", "s"}}), "export s");
  EXPECT_EQ(says("/v1/subjects/erase", {{"subject", "s"}}), "erase s");
}

TEST(AdminSide, asks_for_the_password_except_for_health) {
  FakeAdmin services;
  Admin admin(services, sha256(as_bytes("open sesame")));
  for (const char* open : {"/metrics", "/healthz", "/readyz"}) EXPECT_EQ(ask(admin, "GET", open).status, 200) << open;
  EXPECT_EQ(ask(admin, "GET", "/v1/status").status, 401);
  EXPECT_EQ(ask(admin, "GET", "/v1/status", {}, "Basic YWRtaW46b3BlbiBzZXNhbWU=").status, 200);
  EXPECT_EQ(ask(admin, "GET", "/v1/status", {}, "Basic YWRtaW46b3BlbiBzZXNhbWY=").status, 401);
  EXPECT_EQ(ask(admin, "GET", "/v1/status", {}, "Basic ????").status, 401);
}

TEST(Words, match_and_host) {
  std::vector<std::string> params;
  EXPECT_TRUE(match("/c/{id}", "/c/abc", params));
  EXPECT_EQ(params, std::vector<std::string>{"abc"});
  EXPECT_FALSE(match("/c/{id}", "/c/", params));
  EXPECT_FALSE(match("/c/{id}", "/c/a/b", params));
  EXPECT_FALSE(match("/", "/c", params));
  EXPECT_EQ(host_of("[FD00::1]:8080"), "fd00::1");
  EXPECT_EQ(host_of("Example.COM."), "example.com");
}

}  // namespace
}  // namespace foyer::portal
