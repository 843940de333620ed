#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

/// Pictures of codes. No style attributes in the SVG: the page's policy forbids them.
namespace foyer::portal {

inline constexpr int kQuiet = 4;  ///< light modules around a QR code (ISO/IEC 18004)

/// The dark and light squares of a QR code (error correction M), without its quiet zone.
class QrCode {
 public:
  /// Code::refuse: too long.
  static Result<QrCode> of(std::string_view text);
  int size() const { return size_; }
  /// Outside it is light.
  bool dark(int x, int y) const {
    return x >= 0 && y >= 0 && x < size_ && y < size_ &&
           dark_[static_cast<std::size_t>(y) * static_cast<std::size_t>(size_) + static_cast<std::size_t>(x)];
  }
  /// An SVG path of the dark squares, one unit a module, moved right and down by the quiet zone.
  std::string path() const;

 private:
  int size_ = 0;
  std::vector<bool> dark_;
};

/// With its quiet zone as an SVG element to put into a page.
Result<std::string> qr_svg(std::string_view text, std::string_view label);
/// A PNG file, `scale` pixels a module.
std::string qr_png(const QrCode& code, int scale);
/// For a terminal: two modules a character, colours set, so that it scans on a light and on a dark one.
std::string qr_terminal(const QrCode& code);

/// A Code 128 bar code without the text below it. Code::refuse: what the symbology cannot hold.
Result<std::string> code128_svg(std::string_view text, std::string_view label);

}  // namespace foyer::portal
