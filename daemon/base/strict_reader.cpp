#include "base/strict_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "base/units.hpp"

namespace foyer {
namespace {

constexpr std::size_t kShown = 40;  // bytes of a wrong value that a fault repeats

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShown)) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    out += control ? fmt::format("\\x{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  if (text.size() <= kShown) return out;
  // Not in the middle of a UTF-8 sequence: RFC 3629, a continuation byte is 10xxxxxx.
  std::size_t end = kShown;
  while (end > 0 && !out.empty() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
    out.pop_back();
  }
  return out + "…";
}

bool same_but_for_case(std::string_view a, std::string_view b) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return low(x) == low(y); });
}

/// Optimal string alignment: insert, delete, replace, swap of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string child(PathStyle style, const std::string& parent, std::string_view key) {
  if (style == PathStyle::dotted) return parent + (parent.empty() ? "" : ".") + shown(key);
  std::string escaped;  // RFC 6901 section 3
  for (const char c : shown(key)) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return parent + "/" + escaped;
}

/// BCP 47 as far as a shop needs it: a language and subtags.
bool is_language(std::string_view tag) {
  if (tag.size() > 35) return false;
  bool first = true;
  while (true) {
    const auto dash = tag.find('-');
    const auto part = tag.substr(0, dash);
    const auto fits = [&](char c) { return is_letter(c) || (!first && is_digit(c)); };
    if (part.size() < (first ? 2u : 1u) || part.size() > (first ? 3u : 8u) || !std::ranges::all_of(part, fits))
      return false;
    if (dash == std::string_view::npos) return true;
    tag.remove_prefix(dash + 1);
    first = false;
  }
}

std::string human_time(std::chrono::milliseconds time) { return time.count() == 0 ? "0s" : format_duration(time); }

bool leading_zero(std::string_view digits) { return digits.size() > 1 && digits[0] == '0' && is_digit(digits[1]); }

std::string human_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes >= 1024 && bytes % 1024 == 0) bytes /= 1024, ++unit;
  return fmt::format("{} {}", bytes, kUnits[unit]);
}

std::string human_rate(std::uint64_t bits) {
  constexpr std::array<std::string_view, 4> kUnits{"bit/s", "kbit/s", "Mbit/s", "Gbit/s"};
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bits >= 1000 && bits % 1000 == 0) bits /= 1000, ++unit;
  return fmt::format("{} {}", bits, kUnits[unit]);
}

}  // namespace

void FaultLog::add(const Node& at, const std::string& path, std::string what) {
  if (faults_.size() >= kMax) {
    ++left_out_;
    return;
  }
  faults_.push_back({file_, at.line, at.column, path, std::move(what)});
}

Faults FaultLog::take() {
  std::ranges::stable_sort(faults_, {}, [](const Fault& fault) { return std::tuple(fault.line, fault.column); });
  if (left_out_ > 0) faults_.push_back({file_, 0, 0, "", fmt::format("and {} more faults", left_out_)});
  left_out_ = 0;
  return std::exchange(faults_, {});
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::scalar: return fmt::format("\"{}\"", shown(node.text));
    case Node::Kind::sequence: return "a list";
    case Node::Kind::map: return "a map";
  }
  return "nothing";
}

std::optional<std::string_view> nearest(std::string_view wrong, std::span<const std::string_view> names) {
  if (wrong.size() > kShown) return std::nullopt;
  std::optional<std::string_view> best;
  std::size_t least = std::max<std::size_t>(1, wrong.size() / 3) + 1;
  for (const auto name : names) {
    const std::size_t far = same_but_for_case(wrong, name) ? 0 : distance(wrong, name);
    if (far < least) best = name, least = far;
  }
  return best;
}

void Value::wrong(std::string_view wanted) const { fault(fmt::format("must be {}, not {}", wanted, describe(*node_))); }

const std::string* Value::scalar(std::string_view wanted) const {
  if (is_scalar()) return &node_->text;
  wrong(wanted);
  return nullptr;
}

std::optional<std::string> Value::text(std::size_t most) const {
  const auto wanted = fmt::format("text of 1 to {} bytes", most);
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  const bool control = std::ranges::any_of(
      *text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f; });
  if (!text->empty() && text->size() <= most && !control) return *text;
  wrong(control ? wanted + " without control characters" : wanted);
  return std::nullopt;
}

std::optional<std::string> Value::name(std::size_t most) const {
  const auto wanted = fmt::format("a name of 1 to {} letters, digits, dots, dashes and underscores", most);
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; };
  if (!text->empty() && text->size() <= most && std::ranges::all_of(*text, fits)) return *text;
  wrong(wanted);
  return std::nullopt;
}

std::optional<std::int64_t> Value::number(std::int64_t least, std::int64_t most) const {
  const auto wanted = fmt::format("a whole number from {} to {}", least, most);
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  const auto* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  const bool whole = !node_->quoted && parsed.ec == std::errc{} && parsed.ptr == end;
  if (whole && leading_zero(number < 0 ? std::string_view(*text).substr(1) : *text)) {
    wrong(wanted + " without leading zeros");
  } else if (node_->quoted) {
    wrong(wanted + " without quotes");
  } else if (!whole || number < least || number > most) {
    wrong(wanted);
  } else {
    return number;
  }
  return std::nullopt;
}

std::optional<bool> Value::flag() const {
  constexpr std::string_view kWanted = "true or false";
  const auto* text = scalar(kWanted);
  if (!text) return std::nullopt;
  if (!node_->quoted && *text == "true") return true;
  if (!node_->quoted && *text == "false") return false;
  wrong(node_->quoted ? "true or false without quotes" : kWanted);
  return std::nullopt;
}

std::optional<Value::Milliseconds> Value::duration(Milliseconds least, Milliseconds most) const {
  const auto wanted =
      fmt::format("a time like 500ms, 30s, 45m, 2h or 7d, from {} to {}", human_time(least), human_time(most));
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  const auto time = parse_duration(*text);
  if (time && !leading_zero(*text) && *time >= least && *time <= most) return *time;
  wrong(wanted);
  return std::nullopt;
}

std::optional<std::chrono::seconds> Value::seconds(std::chrono::seconds least, std::chrono::seconds most) const {
  const auto time = duration(least, most);
  if (!time) return std::nullopt;
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*time);
  if (whole == *time) return whole;
  wrong("a time in whole seconds");
  return std::nullopt;
}

std::optional<std::uint64_t> Value::size(std::uint64_t least, std::uint64_t most) const {
  const auto wanted =
      fmt::format("a size like 64 KiB, 256 MiB or 2 GiB, from {} to {}", human_size(least), human_size(most));
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  const auto bytes = parse_size(*text);
  if (bytes && !leading_zero(*text) && *bytes >= least && *bytes <= most) return *bytes;
  wrong(wanted);
  return std::nullopt;
}

std::optional<std::uint64_t> Value::rate(std::uint64_t least, std::uint64_t most) const {
  const auto wanted =
      fmt::format("a rate like 500 kbit/s or 10 Mbit/s, from {} to {}", human_rate(least), human_rate(most));
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  const auto bits = parse_rate(*text);
  if (bits && !leading_zero(*text) && *bits >= least && *bits <= most) return *bits;
  wrong(wanted);
  return std::nullopt;
}

std::optional<std::uint32_t> Value::percent(std::uint32_t least, std::uint32_t most) const {
  const auto wanted = fmt::format("a percentage like 5% or 0.25%, from {}% to {}%", least / 100.0, most / 100.0);
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  const auto points = parse_percent(*text);
  if (points && !leading_zero(*text) && *points >= least && *points <= most) return *points;
  wrong(wanted);
  return std::nullopt;
}

std::optional<Uuid> Value::uuid() const {
  constexpr std::string_view kWanted = "a UUID like fda50693-a4e2-4fb1-afcf-c6eb07647825";
  const auto* text = scalar(kWanted);
  if (!text) return std::nullopt;
  auto uuid = parse_uuid(*text);
  if (!uuid) wrong(kWanted);
  return uuid;
}

std::optional<std::string> Value::language() const {
  constexpr std::string_view kWanted = "a language tag like zh-CN or en";
  const auto* text = scalar(kWanted);
  if (!text) return std::nullopt;
  if (is_language(*text)) return *text;
  wrong(kWanted);
  return std::nullopt;
}

std::optional<std::map<std::string, std::string>> Value::texts(std::size_t most) const {
  constexpr std::size_t kMostLanguages = 32;
  if (node_->kind != Node::Kind::map) {
    wrong("texts by language, like {zh-CN: 示例店, en: Example Store}");
    return std::nullopt;
  }
  const auto entries = table(1, kMostLanguages);
  if (!entries) return std::nullopt;
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : *entries) {
    const auto tag = key.language();
    const auto written = value.text(most);
    if (tag && written) texts.emplace(*tag, *written);
  }
  return texts.size() == entries->size() ? std::optional{texts} : std::nullopt;
}

std::optional<std::size_t> Value::word(std::span<const std::string_view> words) const {
  const auto wanted = fmt::format("{}{}", words.size() > 1 ? "one of " : "", fmt::join(words, ", "));
  const auto* text = scalar(wanted);
  if (!text) return std::nullopt;
  const auto found = std::ranges::find(words, *text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  const auto meant = nearest(*text, words);
  fault(fmt::format("must be {}, not {}{}", wanted, describe(*node_),
                    meant ? fmt::format("; did you mean {}?", *meant) : ""));
  return std::nullopt;
}

std::optional<std::vector<Value>> Value::list(std::size_t least, std::size_t most) const {
  const auto wanted =
      least > 0 ? fmt::format("a list of {} to {}", least, most) : fmt::format("a list of at most {}", most);
  if (node_->kind != Node::Kind::sequence) {
    wrong(wanted);
    return std::nullopt;
  }
  if (node_->items.size() < least || node_->items.size() > most) {
    fault(fmt::format("must be {}, not of {}", wanted, node_->items.size()));
    return std::nullopt;
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < node_->items.size(); ++i) values.push_back(at(node_->items[i], i));
  return values;
}

std::optional<std::vector<std::string>> Value::names(std::size_t most_items, std::size_t most) const {
  const auto values = list(0, most_items);
  if (!values) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& value : *values) {
    const auto name = value.name(most);
    if (!name) continue;
    if (std::ranges::find(names, *name) != names.end()) value.fault(fmt::format("{} is in the list already", *name));
    names.push_back(*name);
  }
  return names;
}

bool Value::is_map() const {
  if (node_->kind == Node::Kind::map) return true;
  if (node_->kind == Node::Kind::null)
    fault("is empty; give it keys or leave it out");
  else
    wrong("a map");
  return false;
}

bool Value::refuse_duplicates() const {
  std::map<std::string_view, const Node*> seen;
  bool good = true;
  for (const auto& [key, value] : node_->entries) {
    const auto [first, fresh] = seen.emplace(key.text, &key);
    if (fresh) continue;
    const auto where = first->second->line > 0 ? fmt::format(", first at line {}", first->second->line) : "";
    at(key, key.text).fault(fmt::format("is given twice{}", where));
    good = false;
  }
  return good;
}

std::optional<std::vector<std::pair<Value, Value>>> Value::table(std::size_t least, std::size_t most) const {
  if (!is_map()) return std::nullopt;
  if (node_->entries.size() < least || node_->entries.size() > most) {
    fault(fmt::format("must have {} to {} entries, not {}", least, most, node_->entries.size()));
    return std::nullopt;
  }
  if (!refuse_duplicates()) return std::nullopt;
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& [key, value] : node_->entries) entries.emplace_back(at(key, key.text), at(value, key.text));
  return entries;
}

std::optional<Fields> Value::fields(std::span<const std::string_view> known) const {
  if (!is_map()) return std::nullopt;
  refuse_duplicates();
  for (const auto& [key, value] : node_->entries) {
    if (std::ranges::find(known, key.text) != known.end()) continue;
    const auto meant = nearest(key.text, known);
    at(key, key.text)
        .fault(meant ? fmt::format("is not a known key; did you mean {}?", *meant)
                     : fmt::format("is not a known key; known here are {}", fmt::join(known, ", ")));
  }
  return Fields(*this);
}

std::optional<Fields> Value::fields(std::initializer_list<std::string_view> known) const {
  return fields(std::span(known.begin(), known.size()));
}

Value Value::at(const Node& node, std::string_view key) const {
  return {node, child(log_->style(), path_, key), *log_};
}

Value Value::at(const Node& node, std::size_t index) const {
  return {node,
          log_->style() == PathStyle::dotted ? fmt::format("{}[{}]", path_, index) : fmt::format("{}/{}", path_, index),
          *log_};
}

std::optional<Value> Fields::find(std::string_view key) const {
  for (const auto& [name, value] : map_.node().entries)
    if (name.text == key) return map_.at(value, key);
  return std::nullopt;
}

std::optional<Value> Fields::require(std::string_view key) const {
  auto value = find(key);
  if (!value) map_.at(map_.node(), key).fault("is required");
  return value;
}

}  // namespace foyer
