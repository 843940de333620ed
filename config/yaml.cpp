#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "base/node_builder.hpp"
#include "config/campaign_files.hpp"
#include "config/text.hpp"

namespace foyer::config {
namespace {

constexpr std::size_t kMostLevels = 32;  // yaml-cpp recurses once a level: this also bounds its stack
constexpr std::size_t kMostNodes = 50'000;

struct Refused {
  int line, column;
  std::string what;
};

/// yaml-cpp's events → Node. Events, because its own nodes forget duplicate keys and quoting. Throws Refused, which
/// ends the parser at once and does not leave this file.
class Events final : public YAML::EventHandler {
 public:
  Node take() { return builder_.take(); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    // yaml-cpp puts an absent value where the next token is, lines below its key.
    Node node = after_key_ ? *after_key_ : make(Node::Kind::null, mark);
    node.kind = Node::Kind::null;
    node.text.clear();
    after_key_.reset();
    check(builder_.add(std::move(node)), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not allowed; write it out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    Node node = make(Node::Kind::scalar, mark);
    node.text = value;
    node.quoted = tag == "!";  // yaml-cpp's SingleDocParser: "!" for what is not plain, "?" for plain
    after_key_ = node;
    check(builder_.add(std::move(node)), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { builder_.close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { builder_.close(); }

 private:
  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string what) {
    throw Refused{mark.line + 1, mark.column + 1, std::move(what)};
  }
  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors are not allowed; write it out where it is used");
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags are not allowed");
  }
  static Node make(Node::Kind kind, const YAML::Mark& mark) {
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;  // yaml-cpp counts from 0
    node.column = mark.column + 1;
    return node;
  }
  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    after_key_.reset();
    check(builder_.open(make(kind, mark)), mark);
  }
  static void check(NodeBuilder::Status status, const YAML::Mark& mark) {
    switch (status) {
      case NodeBuilder::Status::good: return;
      case NodeBuilder::Status::too_deep: refuse(mark, fmt::format("is nested deeper than {} levels", kMostLevels));
      case NodeBuilder::Status::too_many: refuse(mark, fmt::format("the file has more than {} values", kMostNodes));
      case NodeBuilder::Status::key_not_scalar: refuse(mark, "a key must be a word, not empty, a list or a map");
    }
  }

  NodeBuilder builder_{kMostLevels, kMostNodes};
  std::optional<Node> after_key_;  // the last scalar, while nothing came after it
};

struct Nothing final : YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark& mark) override {
    throw Refused{mark.line + 1, mark.column + 1, "a second document; one file holds one"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

Node parse(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Events events;
  Node document;
  if (parser.HandleNextDocument(events)) document = events.take();
  Nothing nothing;
  parser.HandleNextDocument(nothing);
  if (document.line == 0) document.line = document.column = 1;  // an empty file is null at its start
  return document;
}

}  // namespace

tl::expected<Node, Faults> parse_yaml(const std::string& text, const std::string& file) {
  const auto refuse = [&](int line, int column, std::string what) {
    return tl::make_unexpected(Faults{{file, line, column, "", std::move(what)}});
  };
  if (text.size() > kMostFileBytes) return refuse(0, 0, "is larger than 1 MiB");
  if (const auto bad = first_bad_byte(text))
    return refuse(bad->line, bad->column, "is not text in UTF-8 without control characters");
  try {
    return parse(text);
  } catch (const Refused& refused) {
    return refuse(refused.line, refused.column, refused.what);
  } catch (const YAML::Exception& wrong) {
    return refuse(wrong.mark.line + 1, wrong.mark.column + 1, fmt::format("is not YAML: {}", wrong.msg));
  } catch (const std::exception& wrong) {
    return refuse(0, 0, fmt::format("cannot be parsed: {}", wrong.what()));
  }
}

}  // namespace foyer::config
