#include "portal/qr.hpp"

#include <fmt/format.h>
#include <zint.h>

#include <iterator>
#include <memory>
#include <qrcodegen/qrcodegen.hpp>

#include "portal/html.hpp"

namespace foyer::portal {

namespace {

constexpr int kQuietBars = 10;  // modules left and right of Code 128

struct ZintFree {
  void operator()(zint_symbol* symbol) const { ZBarcode_Delete(symbol); }
};

std::string svg(double width, double height, std::string_view cls, std::string_view label, const std::string& path) {
  return fmt::format(
      R"(<svg class="{}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" )"
      R"(shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{}v{}H0z"/><path fill="#000" d="{}"/></svg>)",
      cls, escape_html(label), width, height, width, height, path);
}

}  // namespace

Result<QrCode> QrCode::of(std::string_view text) {
  try {
    const auto code = qrcodegen::QrCode::encodeText(std::string(text).c_str(), qrcodegen::QrCode::Ecc::MEDIUM);
    QrCode out;
    out.size_ = code.getSize();
    for (int y = 0; y < out.size_; ++y)
      for (int x = 0; x < out.size_; ++x) out.dark_.push_back(code.getModule(x, y));
    return out;
  } catch (const std::exception&) {
    return fail(Code::refuse, "{} characters do not fit into a QR code", text.size());
  }
}

std::string QrCode::path() const {
  std::string path;
  for (int y = 0; y < size_; ++y)
    for (int x = 0; x < size_; ++x) {
      const int from = x;
      while (dark(x, y)) ++x;
      if (x > from)
        fmt::format_to(std::back_inserter(path), "M{} {}h{}v1h-{}z", from + kQuiet, y + kQuiet, x - from, x - from);
    }
  return path;
}

Result<std::string> qr_svg(std::string_view text, std::string_view label) {
  const auto code = QrCode::of(text);
  if (!code) return fail(code);
  const double size = code->size() + 2 * kQuiet;
  return svg(size, size, "qr", label, code->path());
}

std::string qr_terminal(const QrCode& code) {
  std::string out;
  for (int y = -kQuiet; y < code.size() + kQuiet; y += 2) {
    out += "\x1b[30;107m";  // black on bright white
    for (int x = -kQuiet; x < code.size() + kQuiet; ++x) {
      const bool upper = code.dark(x, y), lower = code.dark(x, y + 1);
      out += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    out += "\x1b[0m\n";
  }
  return out;
}

Result<std::string> code128_svg(std::string_view text, std::string_view label) {
  const std::unique_ptr<zint_symbol, ZintFree> symbol(ZBarcode_Create());
  if (!symbol) return fail(Code::retry, "bar code: out of memory");
  symbol->symbology = BARCODE_CODE128;
  symbol->show_hrt = 0;
  const std::string source(text);
  const int status = ZBarcode_Encode_and_Buffer_Vector(
      symbol.get(), reinterpret_cast<const unsigned char*>(source.c_str()), static_cast<int>(source.size()), 0);
  if (status >= ZINT_ERROR || symbol->vector == nullptr)
    return fail(Code::refuse, "bar code: {}", static_cast<const char*>(symbol->errtxt));
  std::string path;
  // zint draws two pixels a module.
  const double quiet = kQuietBars * 2.0;
  for (const auto* bar = symbol->vector->rectangles; bar != nullptr; bar = bar->next)
    fmt::format_to(std::back_inserter(path), "M{} 0h{}v{}h-{}z", static_cast<double>(bar->x) + quiet, bar->width,
                   symbol->vector->height, bar->width);
  return svg(static_cast<double>(symbol->vector->width) + 2 * quiet, static_cast<double>(symbol->vector->height),
             "bars", label, path);
}

}  // namespace foyer::portal
