#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace foyer::portal {

/// & < > " and ' replaced: safe in text and in a quoted attribute, nowhere else.
std::string escape_html(std::string_view text);

/// A file of daemon/portal/pages as compiled in. Asking for one that is not there is a bug and terminates.
std::string_view embedded_page(std::string_view name);

/// The languages the pages exist in, and their texts: key → text.
const std::vector<std::string>& page_languages();
const nlohmann::json& page_texts(const std::string& language);

/// A template with its values. `{{name}}` is escaped; `{{{name}}}` stands in the templates only where the value is
/// markup made here (svg, body). The texts of the language are under `t`.
std::string render(std::string_view name, const std::string& language, const nlohmann::json& values);

}  // namespace foyer::portal
