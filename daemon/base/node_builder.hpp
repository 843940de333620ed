#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/document.hpp"

namespace foyer {

/// Makes a Node of a parser's events, within limits. In a map keys and values come by turns. One thread.
class NodeBuilder {
 public:
  enum class Status { good, too_deep, too_many, key_not_scalar };

  /// Documents beyond either limit are refused as a whole.
  NodeBuilder(std::size_t most_levels, std::size_t most_nodes) : most_levels_(most_levels), most_nodes_(most_nodes) {}

  Status add(Node leaf);
  Status open(Node container);  ///< a sequence or a map; what comes next lies in it
  void close();
  Node take();

 private:
  struct Frame {
    Node node;
    std::optional<Node> key;
  };
  bool wants_key() const;
  Status count(bool scalar);
  void place(Node node);

  std::size_t most_levels_, most_nodes_;
  std::size_t nodes_ = 0;
  std::vector<Frame> open_;
  Node root_;
};

}  // namespace foyer
