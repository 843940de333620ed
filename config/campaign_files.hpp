#pragma once

#include <string>
#include <vector>

#include "base/document.hpp"
#include "campaign/lint.hpp"
#include "campaign/model.hpp"

namespace foyer::config {

/// YAML text → document with positions. Never throws; syntax faults, aliases, tags and a second document are refused.
tl::expected<Node, Faults> parse_yaml(const std::string& text, const std::string& file);

/// One campaign from YAML text; faults carry file:line:col and the key path.
tl::expected<campaign::Campaign, Faults> parse_campaign_yaml(
    const std::string& text, const std::string& file, const campaign::Ceilings& ceilings = campaign::legal_ceilings());

/// One campaign from a file, YAML or (by its name) JSON, as the JSON that foyerd takes.
tl::expected<std::string, Faults> campaign_json(const std::string& file);

/// Every *.yaml of a folder, by name. Two files with one id are a fault of the second. A folder that is not there is a
/// fault too.
tl::expected<std::vector<campaign::Campaign>, Faults> read_campaigns(
    const std::string& folder, const campaign::Ceilings& ceilings = campaign::legal_ceilings());

}  // namespace foyer::config
