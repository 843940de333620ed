#include "campaign/model.hpp"

namespace foyer::campaign {

const std::string& best_text(const Text& text, const std::vector<std::string>& languages) {
  static const std::string kNone;  // a prize's title may be empty
  for (const auto& language : languages)
    if (auto found = text.find(language); found != text.end()) return found->second;
  return text.empty() ? kNone : text.begin()->second;
}

}  // namespace foyer::campaign
