#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

constexpr std::size_t kMostSubjects = 100'000;
constexpr std::size_t kMostSegments = 64;  // of one subject; as foyerd has it, so that a faulty file is left whole
constexpr std::size_t kLongestSubject = 128, kLongestName = 64;

using Audience = std::map<std::string, std::vector<std::string>>;

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) {
    const auto from = cell.find_first_not_of(" \t\r"), to = cell.find_last_not_of(" \t\r");
    cells.push_back(from == std::string::npos ? "" : cell.substr(from, to - from + 1));
  }
  return cells;
}

/// What is wrong with one line; empty: it was taken.
std::string take(const std::vector<std::string>& cells, Audience& audience) {
  if (cells[0].empty() || cells[0].size() > kLongestSubject)
    return fmt::format("the subject must have 1 to {} characters", kLongestSubject);
  auto& segments = audience[cells[0]];
  for (auto at = cells.begin() + 1; at != cells.end(); ++at) {
    if (at->size() > kLongestName) return fmt::format("a segment's name has at most {} characters", kLongestName);
    if (!at->empty() && std::ranges::find(segments, *at) == segments.end()) segments.push_back(*at);
  }
  if (segments.size() > kMostSegments) return fmt::format("a subject is in at most {} segments", kMostSegments);
  if (audience.size() > kMostSubjects) return fmt::format("a file has at most {} subjects", kMostSubjects);
  return "";
}

/// `subject,segment,segment…` a line; blank lines and those that begin with # are none, and neither is a first line
/// that begins with `subject,`. nullopt: what is wrong was said.
std::optional<Audience> read_audience(const std::string& file) {
  std::ifstream in(file);
  if (!in) {
    complain(fmt::format("{} cannot be read", file));
    return std::nullopt;
  }
  Audience audience;
  std::size_t number = 0;
  bool good = true;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto cells = cells_of(line);
    const bool blank = std::ranges::all_of(cells, [](const auto& cell) { return cell.empty(); });
    if (blank || cells[0].starts_with('#') || (number == 1 && cells[0] == "subject")) continue;
    if (const auto fault = take(cells, audience); !fault.empty()) {
      fmt::print(stderr, "{}:{}: {}\n", file, number, fault);
      good = false;
    }
  }
  return good ? std::optional{std::move(audience)} : std::nullopt;
}

/// Each subject is one command of foyerd: cut off, the same file again makes it whole.
int import_segments(Shell& shell, const std::string& file) {
  const auto audience = read_audience(file);
  if (!audience) return 1;
  std::size_t memberships = 0;
  for (const auto& [subject, segments] : *audience) {
    const auto answer = shell.ctl().ask("/v1/segments", {{"subject", subject}, {"segments", segments}});
    if (!answer) return complain(fmt::format("{}: {}", subject, answer.error().message));
    memberships += segments.size();
  }
  const json done{{"subjects", audience->size()}, {"memberships", memberships}};
  if (shell.json)
    fmt::print("{}\n", done.dump());
  else
    print_fields(done);
  return 0;
}

}  // namespace

void add_segments(Shell& shell) {
  auto* segments = shell.cli.add_subcommand("segments", "Which groups of customers a subject is in");
  segments->require_subcommand(1);
  const auto file = std::make_shared<std::string>();
  auto* imported =
      shell.command(*segments, "import", "A subject and its segments a line, with commas: those it is in from now on",
                    [&shell, file] { return import_segments(shell, *file); });
  imported->add_option("FILE", *file, "The CSV file")->required();
}

}  // namespace foyer::ctl
