#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <utility>

#include "base/units.hpp"
#include "drivers/sim/sim_radio.hpp"

namespace foyer::drivers::sim {
namespace {

using std::chrono::milliseconds;

/// Reads one file; collects what is wrong instead of stopping at it.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Scenario scenario(const YAML::Node& root) {
    Scenario scenario;
    if (root.IsNull()) return scenario;
    map(root, "", {{"shoppers", [&](const YAML::Node& list, const std::string& key) {
                      if (!list.IsSequence()) return fault(list, key, "a list is wanted");
                      for (std::size_t i = 0; i < list.size(); ++i)
                        scenario.shoppers.push_back(shopper(list[i], fmt::format("{}[{}]", key, i)));
                    }}});
    std::size_t all = 0;
    for (const auto& shopper : scenario.shoppers) all += shopper.count;
    if (all > Scenario::kMaxShoppers)
      fault(root, "shoppers", fmt::format("{} shoppers; at most {} are allowed", all, Scenario::kMaxShoppers));
    return scenario;
  }

  Faults faults;

 private:
  using Field = std::function<void(const YAML::Node&, const std::string& key)>;
  using Fields = std::vector<std::pair<std::string, Field>>;

  void fault(const YAML::Node& node, const std::string& key, std::string what) {
    const auto mark = node.Mark();
    faults.push_back({file_, mark.line + 1, mark.column + 1, key, std::move(what)});
  }

  void map(const YAML::Node& node, const std::string& where, const Fields& fields) {
    if (!node.IsMap()) return fault(node, where, "a map is wanted");
    std::set<std::string> met;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        fault(entry.first, where, "a key must be a word");
        continue;
      }
      const auto& name = entry.first.Scalar();
      const auto key = where.empty() ? name : where + "." + name;
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == name; });
      if (field == fields.end()) {
        fault(entry.first, key, "unknown key; allowed: " + list(fields));
      } else if (!met.insert(name).second) {
        fault(entry.first, key, "this key is there twice");
      } else {
        field->second(entry.second, key);
      }
    }
  }

  static std::string list(const Fields& fields) {
    std::string all;
    for (const auto& field : fields) all += (all.empty() ? "" : ", ") + field.first;
    return all;
  }

  Field duration(milliseconds& out, milliseconds least) {
    return [this, &out, least](const YAML::Node& node, const std::string& key) {
      const auto parsed = parse_duration(node.IsScalar() ? node.Scalar() : "");
      if (!parsed) return fault(node, key, "a duration is wanted, such as 200ms, 30s or 15m");
      if (*parsed < least) return fault(node, key, fmt::format("at least {} is wanted", format_duration(least)));
      out = *parsed;
    };
  }
  Field duration(std::optional<milliseconds>& out, milliseconds least) {
    return [this, &out, least](const YAML::Node& node, const std::string& key) {
      duration(out.emplace(), least)(node, key);
    };
  }

  template <class T>
  Field number(T& out, double least, double most) {
    return [this, &out, least, most](const YAML::Node& node, const std::string& key) {
      double value = 0;
      const bool whole = std::is_integral_v<T>;
      if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !(value >= least && value <= most) ||
          (whole && value != static_cast<double>(static_cast<std::int64_t>(value))))
        return fault(node, key,
                     fmt::format("a {} from {} to {} is wanted", whole ? "whole number" : "number", least, most));
      out = static_cast<T>(value);
    };
  }

  Field beacon(Shopper& shopper, bool& there) {
    return [this, &shopper, &there](const YAML::Node& node, const std::string& key) {
      there = true;
      bool named = false;
      map(node, key,
          {{"uuid",
            [&](const YAML::Node& value, const std::string& at) {
              named = true;
              const auto uuid = parse_uuid(value.IsScalar() ? value.Scalar() : "");
              if (!uuid) return fault(value, at, "a UUID is wanted: 8-4-4-4-12 hex digits");
              shopper.id.uuid = *uuid;
            }},
           {"major", number(shopper.id.major, 0, 65535)},
           {"minor", number(shopper.id.minor, 0, 65535)},
           {"measured_power", number(shopper.measured_power, -127, 20)}});
      if (!named && node.IsMap()) fault(node, key + ".uuid", "is missing");
    };
  }

  Field path(Shopper& shopper) {
    return [this, &shopper](const YAML::Node& node, const std::string& key) {
      if (!node.IsSequence() || node.size() == 0) return fault(node, key, "a list of {at, rssi} is wanted");
      for (std::size_t i = 0; i < node.size(); ++i) {
        PathPoint point;
        map(node[i], fmt::format("{}[{}]", key, i),
            {{"at", duration(point.at, milliseconds{0})}, {"rssi", number(point.rssi, -127, 20)}});
        if (!shopper.path.empty() && point.at <= shopper.path.back().at)
          fault(node[i], fmt::format("{}[{}].at", key, i), "must be later than the point before");
        shopper.path.push_back(point);
      }
    };
  }

  Shopper shopper(const YAML::Node& node, const std::string& where) {
    Shopper shopper;
    bool beacon_there = false;
    std::optional<double> rssi;
    map(node, where,
        {{"beacon", beacon(shopper, beacon_there)},
         {"arrive", duration(shopper.arrive, milliseconds{0})},
         {"stay", duration(shopper.stay, milliseconds{1})},
         {"repeat", duration(shopper.repeat, milliseconds{1})},
         {"rssi",
          [&](const YAML::Node& value, const std::string& key) { number(rssi.emplace(), -127, 20)(value, key); }},
         {"path", path(shopper)},
         {"interval", duration(shopper.interval, milliseconds{20})},
         {"noise", number(shopper.noise, 0, 30)},
         {"rotate_address", duration(shopper.rotate_address, milliseconds{1})},
         {"address",
          [&](const YAML::Node& value, const std::string& key) {
            shopper.address = parse_mac(value.IsScalar() ? value.Scalar() : "");
            if (!shopper.address) fault(value, key, "an address is wanted, such as \"0A:0B:0C:0D:0E:0F\"");
          }},
         {"count", number(shopper.count, 1, static_cast<double>(Scenario::kMaxShoppers))}});
    if (!node.IsMap()) return shopper;
    if (!beacon_there) fault(node, where + ".beacon", "is missing");
    if (rssi.has_value() == !shopper.path.empty()) fault(node, where, "one of rssi and path is wanted");
    if (shopper.address && shopper.rotate_address) fault(node, where + ".address", "cannot rotate");
    if (shopper.repeat && !shopper.stay) fault(node, where + ".repeat", "needs a stay to end first");
    if (shopper.count > 65536u - shopper.id.minor) fault(node, where + ".count", "runs out of minors above 65535");
    if (rssi) shopper.path = {{milliseconds{0}, *rssi}};
    return shopper;
  }

  std::string file_;
};

}  // namespace

tl::expected<Scenario, Faults> parse_scenario(const std::string& text, const std::string& file) {
  Reader reader(file);
  try {
    auto scenario = reader.scenario(YAML::Load(text));
    if (reader.faults.empty()) return scenario;
  } catch (const YAML::Exception& e) {
    reader.faults.push_back({file, e.mark.line + 1, e.mark.column + 1, "", "not YAML: " + e.msg});
  }
  return tl::make_unexpected(std::move(reader.faults));
}

tl::expected<Scenario, Faults> read_scenario(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    return tl::make_unexpected(Faults{{path, 0, 0, "", "cannot be read, or is empty"}});
  return parse_scenario(text.str(), path);
}

}  // namespace foyer::drivers::sim
