#include <gtest/gtest.h>

#include <algorithm>

#include "fake_services.hpp"

namespace foyer::portal {
namespace {

using namespace test;

/// What phones and computers really ask, by maker: host, path, agent, HTTP/1.0.
struct Probe {
  const char* name;
  const char* host;
  const char* path;
  const char* agent;
  bool http10;
};
void PrintTo(const Probe& probe, std::ostream* out) { *out << probe.name; }

constexpr const char* kApple = "CaptiveNetworkSupport-443.120.2 wispr";
constexpr const char* kAndroid = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/60.0.3112.32 Safari/537.36";
constexpr Probe kProbes[] = {
    {"apple", "captive.apple.com", "/hotspot-detect.html", kApple, true},
    {"apple_old", "www.apple.com", "/library/test/success.html", kApple, true},
    {"apple_cdn", "netcts.cdn-apple.com", "/", kApple, true},
    {"apple_thinkdifferent", "www.thinkdifferent.us", "/", kApple, true},
    {"android", "connectivitycheck.gstatic.com", "/generate_204", kAndroid, false},
    {"android_fallback", "www.google.com", "/gen_204", kAndroid, false},
    {"android_play", "play.googleapis.com", "/generate_204", kAndroid, false},
    {"samsung", "connectivitycheck.android.com", "/generate_204", kAndroid, false},
    {"huawei", "connectivitycheck.platform.hicloud.com", "/generate_204", kAndroid, false},
    {"xiaomi", "connect.rom.miui.com", "/generate_204", kAndroid, false},
    {"vivo", "wifi.vivo.com.cn", "/generate_204", kAndroid, false},
    {"oppo", "conn1.coloros.com", "/generate_204", kAndroid, false},
    {"google_cn", "developers.google.cn", "/generate_204", kAndroid, false},
    {"windows", "www.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI", false},
    {"windows_v6", "ipv6.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI", false},
    {"windows_old", "www.msftncsi.com", "/ncsi.txt", "Microsoft NCSI", false},
    {"windows_browser", "www.msftconnecttest.com", "/redirect", "Mozilla/5.0 (Windows NT 10.0)", false},
    {"edge", "edge.msftncsi.com", "/captiveportal/generate_204", "Mozilla/5.0 Edg/120", false},
    {"firefox", "detectportal.firefox.com", "/canonical.html", "Mozilla/5.0 Firefox/121.0", false},
    {"firefox_text", "detectportal.firefox.com", "/success.txt", "Mozilla/5.0 Firefox/121.0", false},
    {"chrome_os", "www.gstatic.com", "/generate_204", "Mozilla/5.0 (X11; CrOS)", false},
    {"chrome", "clients3.google.com", "/generate_204", kAndroid, false},
    {"kindle", "spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", "Kindle", false},
    {"network_manager", "nmcheck.gnome.org", "/check_network_status.txt", "", false},
    {"path_of_ours", "captive.apple.com", "/shake", kApple, true},
    {"api_of_ours", "example.com", "/v1/me", kAndroid, false},
};

class Probes : public testing::TestWithParam<Probe> {};
INSTANTIATE_TEST_SUITE_P(Vendors, Probes, testing::ValuesIn(kProbes),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(Probes, is_sent_to_the_portal_and_told_nothing_else) {
  House house;
  for (const char* method : {"GET", "HEAD", "POST"}) {
    auto request = House::request(method, GetParam().path, "10.77.0.3");
    request.headers = {{"Host", GetParam().host}, {"User-Agent", GetParam().agent}};
    request.http10 = GetParam().http10;
    const auto response = house.portal.handle(request);
    EXPECT_EQ(response.status, std::string(method) == "POST" ? 303 : 302);
    EXPECT_EQ(header(response, "Location"), "http://10.77.0.1/");
    EXPECT_EQ(header(response, "Cache-Control"), "no-store");
    EXPECT_EQ(header(response, "Connection"), "close");
    EXPECT_GT(response.body.size(), 4u) << "Android takes shorter bodies for a broken network";
    EXPECT_LT(response.body.size(), 200u);
  }
  EXPECT_EQ(house.services.asked, 0) << "a redirect asks nobody";
}

TEST(Foreign, over_ipv6_goes_to_the_address_of_that_family) {
  House house;
  auto request = House::request("GET", "/", "fe80::2");
  request.headers = {{"Host", "ipv6.msftconnecttest.com"}};
  request.local = *parse_ip("fd00::1");
  EXPECT_EQ(header(house.portal.handle(request), "Location"), "http://[fd00::1]/");
  request.headers = {{"Host", "[fd00:0::1]:80"}};
  EXPECT_NE(house.portal.handle(request).status, 302) << "the address it reached us at is ours";
  request.headers = {{"Host", "[fd00::2]"}};
  EXPECT_EQ(house.portal.handle(request).status, 302);
}

TEST(Foreign, is_every_host_that_is_not_ours) {
  House house;
  const auto status = [&](std::string host) {
    auto request = House::request("GET", "/", "10.77.0.3");
    request.headers = {{"Host", std::move(host)}};
    return house.portal.handle(request).status;
  };
  for (const char* ours :
       {"10.77.0.1", "10.77.0.1:80", "10.77.0.1:8080", "gw-01.shops.example", "GW-01.Shops.Example.:443"})
    EXPECT_EQ(status(ours), 200) << ours;
  for (const char* foreign : {"", "10.77.0.10", "evil.gw-01.shops.example", "gw-01.shops.example.evil.com",
                              "10.77.0.1:x", "[::1", "10.77.0.1@evil.com", "localhost", "127.0.0.1"})
    EXPECT_EQ(status(foreign), 302) << foreign;
  auto nothing = House::request("GET", "/");
  nothing.headers.clear();
  nothing.http10 = true;
  EXPECT_EQ(house.portal.handle(nothing).status, 302);
}

TEST(Foreign, over_tls_is_misdirected) {
  House house;
  auto request = House::request("GET", "/");
  request.headers = {{"Host", "www.google.com"}};
  request.tls = true;
  EXPECT_EQ(house.portal.handle(request).status, 421);
}

TEST(CaptiveApi, tells_each_phone_about_itself) {
  House house;
  const auto outside = house.get("/captive/api", "10.77.0.3");
  EXPECT_EQ(outside.status, 200);
  EXPECT_EQ(header(outside, "Content-Type"), "application/captive+json");
  EXPECT_EQ(header(outside, "Cache-Control"), "private");
  EXPECT_EQ(body(outside)["captive"], true);
  EXPECT_EQ(body(outside)["user-portal-url"], "http://10.77.0.1/");
  EXPECT_EQ(body(outside)["can-extend-session"], true);
  EXPECT_FALSE(body(outside).contains("seconds-remaining"));
  house.services.visitors[*parse_ip("10.77.0.2")].bytes_left = 1234567;
  const auto inside = body(house.get("/captive/api"));
  EXPECT_EQ(inside["captive"], false);
  EXPECT_EQ(inside["seconds-remaining"], 3600);
  EXPECT_EQ(inside["bytes-remaining"], 1234567);
  EXPECT_EQ(inside["venue-info-url"], "http://10.77.0.1/welcome");
  EXPECT_EQ(inside["user-portal-url"], "http://10.77.0.1/");
  EXPECT_EQ(body(house.get("/captive/api", "10.77.0.99"))["captive"], true);
  // Android reads 4096 characters of UTF-8 at most (NetworkMonitor): whatever the shop is called, they are few and
  // plain.
  const auto text = house.get("/captive/api").body;
  EXPECT_LE(text.size(), 4096u);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c < 0x80; })) << text;
  house.services.broken = Code::retry;
  EXPECT_EQ(house.get("/captive/api").status, 503);
}

}  // namespace
}  // namespace foyer::portal
