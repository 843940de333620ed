#pragma once

#include <span>
#include <string_view>

namespace foyer::config {

/// The keys one map of foyer.yaml may have. `path` is dotted, with [] for the items of a list.
struct MapKeys {
  std::string_view path;
  std::span<const std::string_view> keys;
};

/// Every map of the file except texts by language, whose keys are the writer's. The reader knows no others, and
/// docs/foyer.schema.json and docs/configuration.md are held against this table by a test.
std::span<const MapKeys> known_keys();

/// The keys of one map; `path` must be in the table.
std::span<const std::string_view> keys_of(std::string_view path);

}  // namespace foyer::config
