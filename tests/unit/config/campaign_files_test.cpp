#include "config/campaign_files.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "campaign/reader.hpp"
#include "config/config.hpp"
#include "support.hpp"

namespace foyer::config {
namespace {

using test::Folder;
using test::texts;

std::string campaign(std::string_view id) { return fmt::format("id: {}\nprizes: {{none: {{kind: nothing}}}}\n", id); }

TEST(CampaignFiles, AreReadByName) {
  const Folder folder;
  folder.write("b.yaml", campaign("first"));
  folder.write("a.yaml", campaign("second"));
  folder.write(".hidden.yaml", "not a campaign");
  folder.write("a.yaml.dpkg-old", "not a campaign");
  const auto read = read_campaigns(folder.path());
  ASSERT_TRUE(read) << texts(read.error());
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].id, "second");
  EXPECT_EQ((*read)[1].id, "first");
}

TEST(CampaignFiles, MayBeNone) {
  const Folder folder;
  const auto read = read_campaigns(folder.path());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->empty());
}

TEST(CampaignFiles, AllFaultsOfAllFilesComeAtOnce) {
  const Folder folder;
  const auto a = folder.write("a.yaml", campaign("same"));
  const auto b = folder.write("b.yaml", campaign("same"));
  const auto c = folder.write("c.yaml", "id: c\n");
  const auto read = read_campaigns(folder.path());
  ASSERT_FALSE(read);
  EXPECT_EQ(texts(read.error()),
            fmt::format("{1}: id: same is the id of {0} too\n{2}:1:1: prizes: is required\n", a, b, c));
}

TEST(CampaignFiles, NeedTheFolder) {
  const Folder folder;
  const auto read = read_campaigns(folder.path() + "/none");
  ASSERT_FALSE(read);
  EXPECT_EQ(texts(read.error()), folder.path() + "/none: cannot be read: No such file or directory\n");
}

TEST(CampaignFiles, MayLackTheFolderThatNobodyNamed) {
  const auto folder = Config{}.campaigns;
  if (std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is there";
  const auto read = read_campaigns(folder);
  ASSERT_TRUE(read) << texts(read.error());
  EXPECT_TRUE(read->empty());
}

TEST(CampaignFiles, AreTheSameModelAsJson) {
  const auto text = test::slurp(test::source("config/campaigns/lunch-draw.yaml"));
  const auto yaml = parse_campaign_yaml(text, "lunch-draw.yaml");
  ASSERT_TRUE(yaml) << texts(yaml.error());
  const auto json = campaign::parse_campaign_json(campaign::to_json(*yaml), "mqtt");
  ASSERT_TRUE(json) << texts(json.error());
  EXPECT_EQ(*json, *yaml);
}

TEST(Yaml, KeepsOrderDuplicatesQuotesAndPlaces) {
  const auto read = parse_yaml("b: 1\na: \"1\"\nb: [x, 'y']\nc:\nd: ~\n", "f");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->entries.size(), 5u);
  EXPECT_EQ(read->entries[0].key.text, "b");
  EXPECT_FALSE(read->entries[0].value.quoted);
  EXPECT_TRUE(read->entries[1].value.quoted);
  EXPECT_EQ(read->entries[2].key.text, "b");
  EXPECT_EQ(read->entries[2].value.items[1].line, 3);
  EXPECT_EQ(read->entries[2].value.items[1].column, 8);
  EXPECT_EQ(read->entries[3].value.kind, Node::Kind::null);
  EXPECT_EQ(read->entries[3].value.line, 4);
  EXPECT_EQ(read->entries[4].value.kind, Node::Kind::null);
}

TEST(Yaml, TakesAByteOrderMarkAndWindowsLineEnds) {
  const auto read = parse_yaml(
      "\xef\xbb\xbf"
      "a: b\r\nc: d\r\n",
      "f");
  ASSERT_TRUE(read) << texts(read.error());
  ASSERT_EQ(read->entries.size(), 2u);
  EXPECT_EQ(read->entries[0].key.text, "a");
  EXPECT_EQ(read->entries[0].value.text, "b");
}

}  // namespace
}  // namespace foyer::config
