#pragma once

#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace foyer {

/// One thing that is wrong in something a person or another system wrote, and where.
struct Fault {
  std::string file;
  int line = 0, column = 0;  ///< from 1; 0: not known (JSON) or the file as a whole
  std::string key;           ///< zones[0].enter, or a JSON pointer
  std::string what;          ///< what is wrong and what is allowed
};
using Faults = std::vector<Fault>;

/// file:line:col: key.path: what — without line and column where they are 0.
std::string to_string(const Fault& fault);

/// A parsed YAML or JSON document with positions: what the strict readers walk. Order and duplicates are kept, so that
/// the reader can refuse them.
struct Entry;
struct Node {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  std::string text;     ///< scalar, as written without quotes
  bool quoted = false;  ///< scalar: a string for certain, whatever it looks like
  int line = 0, column = 0;
  std::vector<Node> items;     ///< sequence
  std::vector<Entry> entries;  ///< map, in order
};

/// One line of a map; the key is a scalar.
struct Entry {
  Node key, value;
};

}  // namespace foyer
