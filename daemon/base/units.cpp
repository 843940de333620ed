#include "base/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace foyer {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

struct Quantity {
  std::uint64_t number;
  std::string_view unit;
};

// "256 MiB" → 256, "MiB": decimal digits, spaces, a unit; nothing else.
std::optional<Quantity> split(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{}) return std::nullopt;
  auto unit = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  return Quantity{number, unit};
}

template <std::size_t N>
std::optional<std::uint64_t> measure(std::string_view text, const std::array<Unit, N>& units) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  for (const auto& unit : units) {
    if (unit.name != quantity->unit) continue;
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (quantity->number > kMost / unit.factor) return std::nullopt;
    return quantity->number * unit.factor;
  }
  return std::nullopt;
}

constexpr std::array<Unit, 5> kDurations{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 5> kSizes{
    {{"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40}}};
constexpr std::array<Unit, 4> kRates{
    {{"bit/s", 1}, {"kbit/s", 1000}, {"Mbit/s", 1'000'000}, {"Gbit/s", 1'000'000'000}}};

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto ms = measure(text, kDurations);
  if (!ms) return fail(Code::refuse, "'{}' is not a time like 500ms, 30s, 45m, 2h or 7d", text);
  return std::chrono::milliseconds{*ms};
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto ms = static_cast<std::uint64_t>(duration.count());
  for (auto unit = kDurations.rbegin(); unit != kDurations.rend(); ++unit)
    if (ms != 0 && ms % unit->factor == 0) return fmt::format("{}{}", ms / unit->factor, unit->name);
  return fmt::format("{}ms", ms);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto bytes = measure(text, kSizes);
  if (!bytes) return fail(Code::refuse, "'{}' is not a size like 64 KiB, 256 MiB or 2 GiB", text);
  return *bytes;
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  const auto bits = measure(text, kRates);
  if (!bits) return fail(Code::refuse, "'{}' is not a rate like 500 kbit/s or 10 Mbit/s", text);
  return *bits;
}

Result<std::uint32_t> parse_percent(std::string_view text) {
  const auto bad = [&] { return fail(Code::refuse, "'{}' is not a percentage like 5% or 0.25%, 0% to 100%", text); };
  if (text.empty() || text.back() != '%') return bad();
  const auto number = text.substr(0, text.size() - 1);
  const auto dot = number.find('.');
  const auto whole = number.substr(0, dot);
  auto fraction = dot == std::string_view::npos ? std::string_view{"0"} : number.substr(dot + 1);
  if (whole.empty() || whole.size() > 3 || fraction.empty() || fraction.size() > 2) return bad();
  std::uint32_t points = 0;
  for (const char c : whole) {
    if (c < '0' || c > '9') return bad();
    points = points * 10 + static_cast<std::uint32_t>(c - '0');
  }
  points *= 100;
  std::uint32_t place = 10;
  for (const char c : fraction) {
    if (c < '0' || c > '9') return bad();
    points += static_cast<std::uint32_t>(c - '0') * place;
    place /= 10;
  }
  if (points > 10'000) return bad();
  return points;
}

}  // namespace foyer
