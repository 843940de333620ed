#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/encoding.hpp"

/// Keys of a table between two others, where only those two are known: a damaged page is passed by looking for rows at
/// a key behind it.
namespace foyer::ledger {

/// A column of a primary key, and its first columns in order. Compared as SQLite does: numbers by value, text and blobs
/// by their bytes, and a key with fewer columns stands before every one that begins with it.
using KeyPart = std::variant<std::int64_t, std::string, Bytes>;
using Key = std::vector<KeyPart>;

/// About half way from `low` to `high`, strictly between them, with as few columns as tell it. `deeper`: where the two
/// differ, among the keys that have low's column there. nullopt: there is none, or it cannot be told.
std::optional<Key> between(const Key& low, const Key& high, bool deeper);

}  // namespace foyer::ledger
