#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

/// Pictures of codes as SVG elements to put into a page. No style attributes: the page's policy forbids them.
namespace foyer::portal {

/// A QR code (ISO/IEC 18004, error correction M) with its quiet zone. Code::refuse: too long.
Result<std::string> qr_svg(std::string_view text, std::string_view label);

/// A Code 128 bar code without the text below it. Code::refuse: what the symbology cannot hold.
Result<std::string> code128_svg(std::string_view text, std::string_view label);

}  // namespace foyer::portal
