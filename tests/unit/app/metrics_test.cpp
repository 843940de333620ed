// docs/metrics.md and what foyerd exposes are the same metrics, with the same types and labels.
#include "app/metrics.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace foyer::app {
namespace {

struct Metric {
  std::string type;
  std::set<std::string> labels;
  bool operator==(const Metric&) const = default;
};
using Metrics = std::map<std::string, Metric>;

void PrintTo(const Metric& metric, std::ostream* out) {
  *out << metric.type;
  for (const auto& label : metric.labels) *out << ' ' << label;
}

/// A house with something of everything.
Snapshot everything() {
  Snapshot s;
  s.radio.adapters.emplace_back().name = "hci0";
  s.radio.broadcasts.emplace_back();
  s.gate_tallies = {{"refused", 1}};
  s.gate_times = Histogram({0.001, 0.01});
  for (const auto stream : kStreams) {
    s.streams[stream] = {};
    s.uplink.streams[stream] = {};
  }
  s.has_uplink = true;
  s.refusals = {{"draw", "paused", 1}};
  s.guest_http = {{"requests", 1}};
  s.probes = {{"android", 1}};
  s.admissions = {{"poster", 1}};
  s.admissions_refused = {{"expired", 1}};
  s.certificate_days = 30;
  return s;
}

Metrics exposed() {
  Metrics found;
  std::istringstream text(to_prometheus(everything()));
  std::string name;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash, what;
    if (line.starts_with("# TYPE ")) {
      words >> hash >> what >> name;
      EXPECT_TRUE(found.try_emplace(name).second) << name << " is there twice";
      words >> found[name].type;
    } else if (const auto open = line.find('{'); !line.starts_with('#') && open != std::string::npos) {
      for (auto at = open; at < line.find('}') && line[at] != '}';) {
        const auto equals = line.find('=', at);
        const auto label = line.substr(at + 1, equals - at - 1);
        if (label != "le") found[name].labels.insert(label);  // a histogram's own
        at = line.find('"', equals + 2) + 1;
      }
    }
  }
  return found;
}

Metrics documented() {
  Metrics found;
  std::ifstream file(FOYER_METRICS_PAGE);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `foyer_")) continue;
    std::istringstream cells(line);
    std::string nothing, name, type, labels, meaning;
    for (auto* cell : {&nothing, &name, &type, &labels, &meaning}) std::getline(cells, *cell, '|');
    name = name.substr(2, name.size() - 4);
    EXPECT_GT(meaning.size(), 2u) << name;
    auto& metric = found[name];
    std::istringstream(type) >> metric.type;
    for (auto& c : labels)
      if (c == ',') c = ' ';
    std::istringstream words(labels);
    for (std::string label; words >> label;) metric.labels.insert(label);
  }
  return found;
}

TEST(MetricsPage, NamesWhatIsExposedAndNothingElse) {
  const auto page = documented(), house = exposed();
  EXPECT_GT(house.size(), 60u);
  for (const auto& [name, metric] : house) {
    ASSERT_TRUE(page.contains(name)) << name << " is not in docs/metrics.md";
    EXPECT_EQ(page.at(name), metric) << name;
  }
  for (const auto& [name, metric] : page) EXPECT_TRUE(house.contains(name)) << name << " is exposed nowhere";
}

bool exposes(const Snapshot& s, const std::string& what) { return to_prometheus(s).find(what) != std::string::npos; }

TEST(Metrics, FewShoppersAreNotGivenWhereTheyAreOnlyCounted) {
  auto s = everything();
  s.presence.here = 12;
  s.presence.shoppers = 9;
  EXPECT_TRUE(exposes(s, "foyer_here_shoppers 9"));
  s.least_shoppers = 10;
  EXPECT_FALSE(exposes(s, "foyer_here"));
  s.presence.shoppers = 10;
  EXPECT_TRUE(exposes(s, "foyer_here_shoppers 10"));
}

// A scrape with one series twice is refused whole.
TEST(Metrics, AdaptersThatHadOneNameOneAfterTheOtherAreTwoSeries) {
  auto s = everything();
  s.radio.adapters[0].address = "00:11:22:33:44:55";
  s.radio.adapters.push_back(s.radio.adapters[0]);
  s.radio.adapters[1].address = "00:11:22:33:44:66";
  EXPECT_TRUE(exposes(s, R"(adapter="hci0",address="00:11:22:33:44:55")"));
  EXPECT_TRUE(exposes(s, R"(adapter="hci0",address="00:11:22:33:44:66")"));
}

}  // namespace
}  // namespace foyer::app
