#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "config/campaign_files.hpp"
#include "config/config.hpp"
#include "config/keys.hpp"
#include "support.hpp"

/// What is installed is read by what is installed, and the schema and the documentation know the same keys.
namespace foyer::config {
namespace {

using test::Folder;
using test::slurp;
using test::source;
using test::texts;

TEST(Shipped, FoyerYamlLoads) {
  const auto read = read_config(source("config/foyer.yaml").string());
  ASSERT_TRUE(read) << texts(read.error());
  EXPECT_EQ(read->campaigns, "/etc/foyer/campaigns.d");
}

std::string filled(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values)
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
      text.replace(at, name.size(), value);
  return text;
}

TEST(Shipped, DemoYamlLoadsOnceFilledIn) {
  const Folder folder;
  folder.write("scenario.yaml", "");
  const auto text =
      filled(slurp(source("config/demo.yaml")),
             {{"@DIR@", folder.path()}, {"@PORTAL@", "18080"}, {"@ADMIN@", "19464"}, {"@BROKER@", "11883"}});
  const auto read = parse_config(text, "demo.yaml");
  ASSERT_TRUE(read) << texts(read.error());
  EXPECT_EQ(text.find('@'), std::string::npos);
  EXPECT_EQ(read->radio.driver, RadioDriver::sim);
  EXPECT_EQ(read->wifi.gate, GateDriver::sim);
  EXPECT_EQ(read->upstream->port, 11883);
}

TEST(Shipped, CampaignsLoad) {
  const auto read = read_campaigns(source("config/campaigns").string());
  ASSERT_TRUE(read) << texts(read.error());
  EXPECT_GE(read->size(), 2u);
}

// ---- docs/foyer.schema.json ------------------------------------------------------------------------------------

using Json = nlohmann::json;
using Table = std::map<std::string, std::set<std::string>>;

/// Adds the properties of every map in the schema that has some, by the path of the table of keys.
void collect(const Json& root, const Json& schema, const std::string& path, Table& table) {
  if (schema.contains("$ref")) {
    const auto pointer = schema["$ref"].get<std::string>().substr(1);
    return collect(root, root.at(Json::json_pointer(pointer)), path, table);
  }
  if (schema.contains("items")) collect(root, schema["items"], path + "[]", table);
  if (!schema.contains("properties")) return;
  EXPECT_EQ(schema.value("additionalProperties", true), false) << path;
  for (const auto& [key, value] : schema["properties"].items()) {
    table[path].insert(key);
    collect(root, value, path.empty() ? key : path + "." + key, table);
  }
}

TEST(Schema, KnowsTheKeysOfTheReader) {
  const auto schema = Json::parse(slurp(source("docs/foyer.schema.json")));
  Table in_schema, in_reader;
  collect(schema, schema, "", in_schema);
  for (const auto& [path, keys] : known_keys()) in_reader[std::string(path)] = {keys.begin(), keys.end()};
  EXPECT_EQ(in_schema, in_reader);
}

TEST(Documentation, NamesEveryKey) {
  const auto page = slurp(source("docs/configuration.md"));
  for (const auto& [path, keys] : known_keys()) {
    for (const auto key : keys) {
      const auto full = std::string(path) + (path.empty() ? "" : ".") + std::string(key);
      EXPECT_NE(page.find("`" + full), std::string::npos) << full;
    }
  }
}

}  // namespace
}  // namespace foyer::config
