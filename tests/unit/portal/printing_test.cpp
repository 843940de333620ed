#include "portal/printing.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "portal/qr.hpp"

namespace foyer::portal {
namespace {

TEST(WifiText, escapes_every_special_character_as_readers_undo_it) {
  EXPECT_EQ(wifi_text("Store-Guest", ""), "WIFI:T:nopass;S:Store-Guest;;");
  EXPECT_EQ(wifi_text("Store", "plain-pass"), "WIFI:T:WPA;S:Store;P:plain-pass;;");
  EXPECT_EQ(wifi_text(R"(a\b;c,d:e"f)", R"(\;,:")"), R"(WIFI:T:WPA;S:a\\b\;c\,d\:e\"f;P:\\\;\,\:\";;)");
  EXPECT_EQ(wifi_text("示例店", ""), "WIFI:T:nopass;S:示例店;;");
  EXPECT_EQ(wifi_text("CAFE", "12345678"), "WIFI:T:WPA;S:\"CAFE\";P:12345678;;") << "a name, not two bytes";
  EXPECT_EQ(wifi_text("CAFES", ""), "WIFI:T:nopass;S:CAFES;;");
}

PrintFacts facts() {
  return {{{"zh-CN", "示例<店>"}, {"en", "Example & \"Store\""}},
          {"zh-CN", "en"},
          "#07c160",
          nullptr,
          "Store-Guest",
          "secret;word",
          "http://10.77.0.1/q/AQEBy0sJ",
          "ABCDEFGH"};
}

TEST(Poster, has_both_codes_both_languages_and_the_name_escaped) {
  const auto svg = print({PrintOrder::What::poster, PrintOrder::Format::svg, false, "", {}}, facts()).value();
  EXPECT_EQ(svg.type, "image/svg+xml");
  EXPECT_NE(svg.content.find("width=\"210mm\" height=\"297mm\""), std::string::npos);
  EXPECT_NE(svg.content.find("示例&lt;店&gt; · Example &amp; &quot;Store&quot;"), std::string::npos);
  for (const char* text : {"1. Join our Wi-Fi", "2. 扫码上网", "ABCD-EFGH", "Store-Guest"})
    EXPECT_NE(svg.content.find(text), std::string::npos) << text;
  EXPECT_EQ(svg.content.find("secret"), std::string::npos) << "the password is in the picture only";
  const auto path = QrCode::of("WIFI:T:WPA;S:Store-Guest;P:secret\\;word;;").value().path();
  EXPECT_NE(svg.content.find(path), std::string::npos);
  EXPECT_NE(svg.content.find(QrCode::of("http://10.77.0.1/q/AQEBy0sJ").value().path()), std::string::npos);
  const auto page = print({PrintOrder::What::poster, PrintOrder::Format::html, true, "", {}}, facts()).value();
  EXPECT_NE(page.content.find("@page{size:A5;margin:0}"), std::string::npos);
  EXPECT_NE(page.content.find("width=\"148.5mm\" height=\"210mm\""), std::string::npos);
}

TEST(Poster, shows_the_logo_and_makes_a_long_name_small) {
  auto with = facts();
  with.logo = read_logo("<svg xmlns='http://www.w3.org/2000/svg'/>");
  ASSERT_TRUE(with.logo);
  with.brand = {{"en", std::string(60, 'W')}};
  const auto svg = print({PrintOrder::What::poster, PrintOrder::Format::svg, false, "", {}}, with).value().content;
  EXPECT_NE(svg.find("data:image/svg+xml;base64,PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnLz4="),
            std::string::npos);
  EXPECT_EQ(svg.find("font-size=\"15.00\""), std::string::npos);
}

TEST(Logo, is_one_of_four_kinds_and_small) {
  EXPECT_EQ(read_logo("\x89PNG\r\n\x1a\nrest")->type, "image/png");
  EXPECT_EQ(read_logo("\xff\xd8\xffrest")->type, "image/jpeg");
  EXPECT_EQ(read_logo(std::string("RIFF\1\2\3\4WEBPVP8 "))->type, "image/webp");
  EXPECT_EQ(read_logo("<?xml version='1.0'?><svg/>")->type, "image/svg+xml");
  EXPECT_FALSE(read_logo("<html>"));
  EXPECT_FALSE(read_logo("<svg>" + std::string(kMostLogo, ' ')));
}

TEST(Terminal, shows_two_modules_a_character_with_a_quiet_zone) {
  const auto code = QrCode::of("x").value();
  const auto text = qr_terminal(code);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), (code.size() + 2 * kQuiet + 1) / 2);
  EXPECT_TRUE(text.starts_with("\x1b[30;107m     "));
}

TEST(Code, too_long_is_refused) { EXPECT_EQ(QrCode::of(std::string(5000, 'x')).error().code, Code::refuse); }

}  // namespace
}  // namespace foyer::portal
