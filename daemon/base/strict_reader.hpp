#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/document.hpp"
#include "base/net.hpp"
#include "base/uuid.hpp"

/// How foyer reads what people and other systems wrote, YAML or JSON: every key is known, given once, of its type and
/// in its range, or there is a fault that says where and what is allowed. The reading goes on after a fault, so that
/// all of them come at once. One thread.
namespace foyer {

/// How a fault's key is written: zones[0].enter or /zones/0/enter (RFC 6901).
enum class PathStyle { dotted, pointer };

/// Collects the faults of one document.
class FaultLog {
 public:
  static constexpr std::size_t kMax = 100;  ///< more are counted, not kept: the first ones are what a person mends

  FaultLog(std::string file, PathStyle style) : file_(std::move(file)), style_(style) {}
  void add(const Node& at, const std::string& path, std::string what);
  bool empty() const { return faults_.empty(); }
  PathStyle style() const { return style_; }
  Faults take();  ///< in the order of the file; empties the log

 private:
  std::string file_;
  PathStyle style_;
  Faults faults_;
  std::size_t left_out_ = 0;
};

/// What a fault says of a value: "abc" shortened and without control characters, `a list`, `a map`, `nothing`.
std::string describe(const Node& node);

/// The name most like `wrong` by edit distance, if one is near enough to be meant.
std::optional<std::string_view> nearest(std::string_view wrong, std::span<const std::string_view> names);

class Fields;

/// One value and where it stands. Every reading method answers nullopt after it has logged a fault. The document and
/// the log outlive it.
class Value {
 public:
  using Milliseconds = std::chrono::milliseconds;
  template <class E>
  using Choices = std::initializer_list<std::pair<std::string_view, E>>;

  Value(const Node& node, std::string path, FaultLog& log) : node_(&node), path_(std::move(path)), log_(&log) {}
  const Node& node() const { return *node_; }
  const std::string& path() const { return path_; }
  bool is_scalar() const { return node_->kind == Node::Kind::scalar; }
  void fault(std::string what) const { log_->add(*node_, path_, std::move(what)); }

  std::optional<std::string> text(std::size_t most) const;  ///< 1 to `most` bytes
  std::optional<std::string> name(std::size_t most) const;  ///< [A-Za-z0-9._-], 1 to `most`
  std::optional<std::int64_t> number(std::int64_t least, std::int64_t most) const;
  std::optional<bool> flag() const;
  std::optional<Milliseconds> duration(Milliseconds least, Milliseconds most) const;
  std::optional<std::chrono::seconds> seconds(std::chrono::seconds least, std::chrono::seconds most) const;
  std::optional<std::uint64_t> size(std::uint64_t least, std::uint64_t most) const;
  std::optional<std::uint64_t> rate(std::uint64_t least, std::uint64_t most) const;
  std::optional<std::uint32_t> percent(std::uint32_t least, std::uint32_t most) const;  ///< hundredths of a percent
  std::optional<Uuid> uuid() const;
  std::optional<std::map<std::string, std::string>> texts(std::size_t most) const;  ///< by language tag, not empty
  std::optional<std::string> language() const;

  /// What one of a few words stands for.
  template <class E>
  std::optional<E> choice(std::span<const std::pair<std::string_view, E>> choices) const {
    std::vector<std::string_view> words;
    for (const auto& [word, meaning] : choices) words.push_back(word);
    if (const auto index = word(words)) return choices[*index].second;
    return std::nullopt;
  }
  template <class E>
  std::optional<E> choice(Choices<E> choices) const {
    return choice<E>(std::span(choices.begin(), choices.size()));
  }

  std::optional<std::vector<Value>> list(std::size_t least, std::size_t most) const;
  std::optional<std::vector<std::string>> names(std::size_t most_items, std::size_t most) const;  ///< no name twice
  /// A map whose keys are the writer's own.
  std::optional<std::vector<std::pair<Value, Value>>> table(std::size_t least, std::size_t most) const;
  /// A map of these keys and no others.
  std::optional<Fields> fields(std::span<const std::string_view> known) const;
  std::optional<Fields> fields(std::initializer_list<std::string_view> known) const;

  Value at(const Node& node, std::string_view key) const;  ///< the path of a key below this value
  Value at(const Node& node, std::size_t index) const;

 private:
  std::optional<std::size_t> word(std::span<const std::string_view> words) const;
  const std::string* scalar(std::string_view wanted) const;
  void wrong(std::string_view wanted) const;
  bool is_map() const;
  bool refuse_duplicates() const;

  const Node* node_;
  std::string path_;
  FaultLog* log_;
};

/// A map of known keys.
class Fields {
 public:
  explicit Fields(Value map) : map_(std::move(map)) {}
  const Value& map() const { return map_; }
  std::optional<Value> find(std::string_view key) const;
  std::optional<Value> require(std::string_view key) const;  ///< logs a fault where the key is missing
  void fault(std::string what) const { map_.fault(std::move(what)); }

  /// Reads a key into `out` with a method of Value; an absent key leaves `out` as it is. True when it was read.
  template <class T, class R, class... P, class... A>
  bool read(std::string_view key, T& out, std::optional<R> (Value::*method)(P...) const, A... args) const {
    const auto value = find(key);
    return value && store(out, ((*value).*method)(static_cast<P>(args)...));
  }
  template <class T, class R, class... P, class... A>
  bool require(std::string_view key, T& out, std::optional<R> (Value::*method)(P...) const, A... args) const {
    const auto value = require(key);
    return value && store(out, ((*value).*method)(static_cast<P>(args)...));
  }
  template <class E>
  bool choose(std::string_view key, E& out, Value::Choices<E> choices) const {
    const auto value = find(key);
    return value && store(out, value->choice<E>(choices));
  }

 private:
  template <class T, class R>
  static bool store(T& out, std::optional<R> read) {
    if (read) out = static_cast<T>(*std::move(read));
    return read.has_value();
  }

  Value map_;
};

}  // namespace foyer
