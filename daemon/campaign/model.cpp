#include "campaign/model.hpp"

#include <algorithm>
#include <array>

namespace foyer::campaign {
namespace {
constexpr std::array<std::string_view, kTriggers> kNames{"shake", "enter", "dwell", "exit", "wifi", "qr", "purchase"};
}

std::string_view to_string(Trigger trigger) { return kNames[static_cast<std::size_t>(trigger)]; }

std::optional<Trigger> parse_trigger(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Trigger>(found - kNames.begin());
}

const std::string& best_text(const Text& text, const std::vector<std::string>& languages) {
  static const std::string kNone;  // a prize's title may be empty
  for (const auto& language : languages)
    if (auto found = text.find(language); found != text.end()) return found->second;
  return text.empty() ? kNone : text.begin()->second;
}

}  // namespace foyer::campaign
