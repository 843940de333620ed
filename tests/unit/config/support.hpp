#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.hpp"
#include "paths.hpp"
#include "support/files.hpp"

namespace foyer::config::test {

using foyer::test::Folder;
using foyer::test::slurp;

inline std::filesystem::path source(std::string_view path) { return std::filesystem::path(FOYER_SOURCE_DIR) / path; }

inline std::string texts(const Faults& faults) {
  std::string all;
  for (const auto& fault : faults) all += to_string(fault) + "\n";
  return all;
}

inline std::vector<std::filesystem::path> files(const std::filesystem::path& folder, std::string_view extension) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == extension) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

}  // namespace foyer::config::test
