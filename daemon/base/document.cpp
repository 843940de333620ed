#include "base/document.hpp"

#include <fmt/format.h>

namespace foyer {

std::string to_string(const Fault& fault) {
  std::string text = fault.file;
  if (fault.line > 0) text += fmt::format(":{}:{}", fault.line, fault.column);
  if (!fault.key.empty()) text += (text.empty() ? "" : ": ") + fault.key;
  return text + (text.empty() ? "" : ": ") + fault.what;
}

}  // namespace foyer
