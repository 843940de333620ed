#include "portal/printing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.hpp"
#include "portal/html.hpp"
#include "portal/qr.hpp"
#include "portal/token.hpp"

namespace foyer::portal {

using nlohmann::json;

namespace {

constexpr int kPngScale = 12;  // pixels a module: 4 cm at 300 dots an inch

std::string escape_wifi(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ';' || c == ',' || c == ':' || c == '"') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

/// Readers take an even number of hexadecimal digits for the bytes of a name.
bool looks_hexadecimal(std::string_view text) {
  return !text.empty() && text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

std::string to_base64(std::string_view bytes) {
  auto text = to_base64url(as_bytes(bytes));
  for (auto& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

/// About how wide a text is, in its own height: a Chinese character is as wide as high, a Latin one a good half.
double width_of(std::string_view text) {
  double width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xe0)
      width += 1.0;
    else if (byte < 0x80)
      width += 0.58;
    else if (byte >= 0xc0)
      width += 0.6;
  }
  return width;
}

/// A line in the middle of `x`, smaller where it would be wider than `most` millimetres.
json line(const std::string& text, double x, double y, double size, double most) {
  const double wide = width_of(text) * size;
  return {{"text", text},
          {"x", fmt::format("{:.1f}", x)},
          {"y", fmt::format("{:.1f}", y)},
          {"size", fmt::format("{:.2f}", wide > most ? size * most / wide : size)}};
}

/// The languages that the poster speaks: the shop's first two, of those that we have texts in.
std::vector<std::string> spoken(const PrintFacts& facts) {
  std::vector<std::string> out;
  for (const auto& language : facts.languages)
    if (out.size() < 2 &&
        std::find(page_languages().begin(), page_languages().end(), language) != page_languages().end())
      out.push_back(language);
  if (out.empty()) out.push_back("en");
  return out;
}

/// One QR with its heading in each language above and a line below. `middle`: of its column, in millimetres.
Result<json> panel(const std::string& text, std::string_view heading, const std::string& below, double middle,
                   const std::vector<std::string>& languages) {
  const auto code = QrCode::of(text);
  if (!code) return fail(code);
  json out{{"path", code->path()}, {"modules", code->size() + 2 * kQuiet}, {"x", fmt::format("{:.1f}", middle - 42)}};
  double y = 112;
  for (const auto& language : languages) {
    out["lines"].push_back(line(page_texts(language).at(std::string(heading)).get<std::string>(), middle, y, 8, 88));
    y += 10;
  }
  out["below"] = line(below, middle, 226, 8, 84);
  return out;
}

std::string brand_of(const PrintFacts& facts) {
  std::vector<std::string> names;
  for (const auto& language : spoken(facts)) {
    const auto& name = campaign::best_text(facts.brand, {language});
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, " · "));
}

Result<std::string> poster_svg(const PrintOrder& order, const PrintFacts& facts) {
  const auto languages = spoken(facts);
  const auto code = facts.code.substr(0, kTypedCode / 2) + "-" + facts.code.substr(kTypedCode / 2);
  auto join = panel(wifi_text(facts.ssid, facts.password), "poster_join", facts.ssid, 57, languages);
  auto enter = panel(facts.url, "poster_enter", code, 153, languages);
  if (!join || !enter) return fail(!join ? join : enter);
  json values{{"width", order.a5 ? "148.5mm" : "210mm"},
              {"height", order.a5 ? "210mm" : "297mm"},
              {"accent", facts.accent},
              {"brand", line(brand_of(facts), 105, facts.logo ? 82 : 60, 15, 186)},
              {"panels", json::array({*join, *enter})}};
  if (facts.logo) values["logo"] = "data:" + facts.logo->type + ";base64," + to_base64(facts.logo->content);
  double y = 250;
  for (const auto& language : languages) {
    values["hints"].push_back(line(page_texts(language).at("poster_hint").get<std::string>(), 105, y, 6, 186));
    y += 9;
  }
  return render("poster.mustache", languages.front(), values);
}

std::string print_page(const std::string& svg, bool a5) {
  return fmt::format(
      "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>foyer</title>\n"
      "<style>@page{{size:{};margin:0}}html,body{{margin:0}}svg{{display:block;width:100vw;max-width:{}}}</style></"
      "head>\n"
      "<body>{}</body></html>\n",
      a5 ? "A5" : "A4", a5 ? "148.5mm" : "210mm", svg);
}

}  // namespace

std::shared_ptr<const Logo> read_logo(std::string content) {
  if (content.size() > kMostLogo) return nullptr;
  const std::string_view text(content);
  const char* type = nullptr;
  if (text.starts_with("\x89PNG\r\n\x1a\n")) type = "image/png";
  if (text.starts_with("\xff\xd8\xff")) type = "image/jpeg";
  if (text.starts_with("RIFF") && text.substr(0, 16).find("WEBP") == 8) type = "image/webp";
  if (text.substr(0, 1024).find("<svg") != std::string_view::npos) type = "image/svg+xml";
  if (type == nullptr) return nullptr;
  return std::make_shared<const Logo>(Logo{type, std::move(content)});
}

std::string wifi_text(std::string_view ssid, std::string_view password) {
  // A password is never read as hexadecimal: that would be 64 digits, and it has 63 characters at most.
  const auto name = looks_hexadecimal(ssid) ? fmt::format("\"{}\"", ssid) : escape_wifi(ssid);
  if (password.empty()) return fmt::format("WIFI:T:nopass;S:{};;", name);
  return fmt::format("WIFI:T:WPA;S:{};P:{};;", name, escape_wifi(password));
}

Result<Printed> print(const PrintOrder& order, const PrintFacts& facts) {
  using Format = PrintOrder::Format;
  const auto wifi = wifi_text(facts.ssid, facts.password);
  if (order.what == PrintOrder::What::poster && (order.format == Format::svg || order.format == Format::html)) {
    const auto svg = poster_svg(order, facts);
    if (!svg) return fail(svg);
    if (order.format == Format::svg) return Printed{"image/svg+xml", *svg};
    return Printed{"text/html; charset=utf-8", print_page(*svg, order.a5)};
  }
  // Of a poster, the QR that lets in: the one to join with is `qr wifi`.
  const auto text = order.what == PrintOrder::What::wifi ? wifi : facts.url;
  const auto code = QrCode::of(text);
  if (!code) return fail(code);
  switch (order.format) {
    case Format::png: return Printed{"image/png", qr_png(*code, kPngScale)};
    case Format::terminal: {
      auto picture = qr_terminal(*code) + text + "\n";
      if (!facts.code.empty())
        picture += facts.code.substr(0, kTypedCode / 2) + "-" + facts.code.substr(kTypedCode / 2) + "\n";
      return Printed{"text/plain; charset=utf-8", std::move(picture)};
    }
    case Format::html:
    case Format::svg: break;
  }
  auto svg = qr_svg(text, text);
  if (!svg) return fail(svg);
  if (order.format == Format::html) return Printed{"text/html; charset=utf-8", print_page(*svg, order.a5)};
  return Printed{"image/svg+xml", *std::move(svg)};
}

}  // namespace foyer::portal
