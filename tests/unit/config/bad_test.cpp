#include <gtest/gtest.h>

#include "config/campaign_files.hpp"
#include "config/config.hpp"
#include "support.hpp"

/// Files that are wrong, each beside exactly what is said of it: bad/NN-name.yaml and bad/NN-name.expected.
namespace foyer::config {
namespace {

using test::files;
using test::slurp;
using test::source;
using test::texts;

template <class Parse>
void check(const std::filesystem::path& folder, std::size_t at_least, Parse parse) {
  const auto bad = files(folder, ".yaml");
  EXPECT_GE(bad.size(), at_least);
  for (const auto& file : bad) {
    auto expected = file;
    expected.replace_extension(".expected");
    const auto read = parse(slurp(file), file.filename().string());
    ASSERT_FALSE(read) << file;
    EXPECT_EQ(texts(read.error()), slurp(expected)) << file;
  }
}

TEST(BadConfig, IsSaidExactly) { check(source("tests/unit/config/bad"), 60, parse_config); }

TEST(BadCampaign, IsSaidExactly) {
  check(source("tests/unit/campaign/bad"), 60,
        [](const std::string& text, const std::string& file) { return parse_campaign_yaml(text, file); });
}

}  // namespace
}  // namespace foyer::config
