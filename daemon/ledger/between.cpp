#include "ledger/between.hpp"

#include <algorithm>
#include <limits>

namespace foyer::ledger {
namespace {

/// Both as fractions, a byte a digit; as long as the longer and one digit more.
template <class Text>
std::optional<KeyPart> half_way(const Text& low, const Text& high) {
  const auto digits = std::max(low.size(), high.size()) + 1;
  const auto digit = [](const Text& text, std::size_t i) {
    return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0u;
  };
  std::vector<unsigned> sum(digits + 1);  // sum[0]: what is carried
  for (std::size_t i = digits, carry = 0; i-- > 0;) {
    const auto both = digit(low, i) + digit(high, i) + static_cast<unsigned>(carry);
    sum[i + 1] = both & 0xff;
    carry = both >> 8;
    if (i == 0) sum[0] = static_cast<unsigned>(carry);
  }
  Text half;
  for (std::size_t i = 0; i < digits; ++i)
    half.push_back(static_cast<typename Text::value_type>(((sum[i] & 1u) << 7) | (sum[i + 1] >> 1)));
  while (!half.empty() && half.back() == 0) half.pop_back();
  if (!(low < half && half < high)) return std::nullopt;
  return half;
}

std::optional<KeyPart> half_way(std::int64_t low, std::int64_t high) {
  const auto half =
      low + static_cast<std::int64_t>((static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low)) / 2);
  if (!(low < half && half < high)) return std::nullopt;
  return half;
}

std::optional<KeyPart> half_way(const KeyPart& low, const KeyPart& high) {
  if (low.index() != high.index()) return std::nullopt;
  return std::visit(
      [&](const auto& from) -> std::optional<KeyPart> {
        return half_way(from, std::get<std::decay_t<decltype(from)>>(high));
      },
      low);
}

/// Greater than every other of its kind.
KeyPart greatest(const KeyPart& like) {
  struct {
    KeyPart operator()(std::int64_t) const { return std::numeric_limits<std::int64_t>::max(); }
    KeyPart operator()(const std::string&) const { return std::string(1, '\xff'); }
    KeyPart operator()(const Bytes&) const { return Bytes(1, 0xff); }
  } visitor;
  return std::visit(visitor, like);
}

}  // namespace

std::optional<Key> between(const Key& low, const Key& high, bool deeper) {
  std::size_t at = 0;
  while (at < low.size() && at < high.size() && low[at] == high[at]) ++at;
  if (at == low.size() || at == high.size()) return std::nullopt;
  Key key(low.begin(), low.begin() + static_cast<std::ptrdiff_t>(at));
  if (auto half = half_way(low[at], high[at]); half && !deeper) {
    key.push_back(std::move(*half));
    return key;
  }
  if (!deeper && high.size() > at + 1) {  // neighbours: where the rows begin that have high's column
    key.push_back(high[at]);
    return key;
  }
  if (low.size() == at + 1) return std::nullopt;
  auto half = half_way(low[at + 1], greatest(low[at + 1]));
  if (!half) return std::nullopt;
  key.push_back(low[at]);
  key.push_back(std::move(*half));
  return key;
}

}  // namespace foyer::ledger
