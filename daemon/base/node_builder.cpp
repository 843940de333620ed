#include "base/node_builder.hpp"

#include <utility>

namespace foyer {

bool NodeBuilder::wants_key() const {
  return !open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().key;
}

NodeBuilder::Status NodeBuilder::count(bool scalar) {
  if (++nodes_ > most_nodes_) return Status::too_many;
  return wants_key() && !scalar ? Status::key_not_scalar : Status::good;
}

NodeBuilder::Status NodeBuilder::add(Node leaf) {
  const auto status = count(leaf.kind == Node::Kind::scalar);
  if (status == Status::good) place(std::move(leaf));
  return status;
}

NodeBuilder::Status NodeBuilder::open(Node container) {
  if (open_.size() >= most_levels_) return Status::too_deep;
  const auto status = count(false);
  if (status == Status::good) open_.push_back({std::move(container), std::nullopt});
  return status;
}

void NodeBuilder::close() {
  if (open_.empty()) return;
  Node done = std::move(open_.back().node);
  open_.pop_back();
  place(std::move(done));
}

void NodeBuilder::place(Node node) {
  if (open_.empty()) {
    root_ = std::move(node);
    return;
  }
  auto& frame = open_.back();
  if (frame.node.kind == Node::Kind::sequence) {
    frame.node.items.push_back(std::move(node));
  } else if (!frame.key) {
    frame.key = std::move(node);
  } else {
    frame.node.entries.push_back({*std::exchange(frame.key, std::nullopt), std::move(node)});
  }
}

Node NodeBuilder::take() { return std::exchange(root_, {}); }

}  // namespace foyer
