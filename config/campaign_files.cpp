#include "config/campaign_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "campaign/reader.hpp"
#include "config/config.hpp"
#include "config/text.hpp"

namespace foyer::config {
namespace {

constexpr std::size_t kMostCampaigns = 500;  // files in one folder; more are a fault, none is left out silently

tl::expected<std::vector<std::string>, Faults> list(const std::string& folder) {
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error), end;
  std::vector<std::string> files;
  for (; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".yaml")) files.push_back(at->path().string());
  }
  // The folder nobody named may be absent: then there are no campaigns.
  if (error == std::errc::no_such_file_or_directory && folder == Config{}.campaigns) return files;
  if (error) return tl::make_unexpected(Faults{{folder, 0, 0, "", fmt::format("cannot be read: {}", error.message())}});
  if (files.size() > kMostCampaigns)
    return tl::make_unexpected(Faults{{folder, 0, 0, "", fmt::format("has more than {} campaigns", kMostCampaigns)}});
  std::ranges::sort(files);
  return files;
}

tl::expected<campaign::Campaign, Faults> read_one(const std::string& file, const campaign::Ceilings& ceilings) {
  const auto text = read_file(file, kMostFileBytes);
  if (!text) return tl::make_unexpected(Faults{{file, 0, 0, "", "cannot be read: " + text.error().message}});
  return parse_campaign_yaml(*text, file, ceilings);
}

}  // namespace

tl::expected<campaign::Campaign, Faults> parse_campaign_yaml(const std::string& text, const std::string& file,
                                                             const campaign::Ceilings& ceilings) {
  const auto document = parse_yaml(text, file);
  if (!document) return tl::make_unexpected(document.error());
  return campaign::read_campaign(*document, file, ceilings);
}

tl::expected<std::string, Faults> campaign_json(const std::string& file) {
  const auto text = read_file(file, kMostFileBytes);
  if (!text) return tl::make_unexpected(Faults{{file, 0, 0, "", "cannot be read: " + text.error().message}});
  // What a currency's ceiling is foyerd knows, which reads it again.
  const auto campaign = file.ends_with(".json") ? campaign::parse_campaign_json(*text, file, campaign::Origin::wire, {})
                                                : parse_campaign_yaml(*text, file, {});
  if (!campaign) return tl::make_unexpected(campaign.error());
  return campaign::to_json(*campaign);
}

tl::expected<std::vector<campaign::Campaign>, Faults> read_campaigns(const std::string& folder,
                                                                     const campaign::Ceilings& ceilings) {
  const auto files = list(folder);
  if (!files) return tl::make_unexpected(files.error());
  std::vector<campaign::Campaign> campaigns;
  std::map<std::string, std::string> seen;
  Faults faults;
  for (const auto& file : *files) {
    auto campaign = read_one(file, ceilings);
    if (!campaign) {
      faults.insert(faults.end(), campaign.error().begin(), campaign.error().end());
      continue;
    }
    const auto [first, fresh] = seen.emplace(campaign->id, file);
    if (fresh)
      campaigns.push_back(*std::move(campaign));
    else
      faults.push_back({file, 0, 0, "id", fmt::format("{} is the id of {} too", campaign->id, first->second)});
  }
  if (!faults.empty()) return tl::make_unexpected(std::move(faults));
  return campaigns;
}

}  // namespace foyer::config
