#include "campaign/coupon.hpp"

#include <algorithm>
#include <array>

namespace foyer::campaign {
namespace {

constexpr std::array<std::string_view, 5> kStates{"issued", "reserved", "redeemed", "expired", "voided"};

// Crockford's base 32 (crockford.com/base32.html): 32 symbols for data, five more for the check modulo 37.
constexpr std::string_view kSymbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
constexpr std::uint32_t kBase = 32;
constexpr std::uint32_t kCheck = 37;
constexpr std::size_t kDigits = 10;
constexpr std::size_t kMaxTyped = 64;  // longer input is no code, whatever it holds

char canonical_symbol(char typed) {
  const char upper = typed >= 'a' && typed <= 'z' ? static_cast<char>(typed - 'a' + 'A') : typed;
  if (upper == 'I' || upper == 'L') return '1';
  return upper == 'O' ? '0' : upper;
}

}  // namespace

std::string_view to_string(CouponState state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<CouponState> parse_coupon_state(std::string_view name) {
  for (std::size_t i = 0; i < kStates.size(); ++i)
    if (kStates[i] == name) return static_cast<CouponState>(i);
  return std::nullopt;
}

std::string make_code(const Random& random) {
  std::array<std::uint8_t, kDigits> bytes{};
  random(bytes);
  std::string code;
  std::uint32_t rest = 0;
  for (const auto byte : bytes) {
    const std::uint32_t digit = byte % kBase;  // 256 is a multiple of 32: no bias
    code += kSymbols[digit];
    rest = (rest * kBase + digit) % kCheck;
  }
  code += kSymbols[rest];
  return code;
}

std::optional<std::string> canonical_code(std::string_view typed) {
  if (typed.size() > kMaxTyped) return std::nullopt;
  std::string code;
  std::uint32_t rest = 0;
  for (const char c : typed) {
    if (c == ' ' || c == '-') continue;
    const char symbol = canonical_symbol(c);
    const auto value = kSymbols.find(symbol);
    if (value == std::string_view::npos || code.size() > kDigits) return std::nullopt;
    if (code.size() == kDigits) {
      if (value != rest) return std::nullopt;
    } else {
      if (value >= kBase) return std::nullopt;
      rest = (rest * kBase + static_cast<std::uint32_t>(value)) % kCheck;
    }
    code += symbol;
  }
  return code.size() == kDigits + 1 ? std::optional{code} : std::nullopt;
}

bool is_own_code(std::string_view code) {
  constexpr std::size_t kShortest = 4;
  return code.size() >= kShortest && code.size() <= kLongestOwnCode &&
         std::ranges::all_of(code, [](char c) { return c > ' ' && c <= '~'; });
}

WallTime beginning(const Validity& valid, WallTime issued, const ZoneTime& zone) {
  const WallTime begins = issued + valid.after;
  return valid.from ? std::max(begins, zone.start_of(*valid.from)) : begins;
}

WallTime expiry(const Validity& valid, WallTime issued, const ZoneTime& zone) {
  using std::chrono::days;
  using std::chrono::sys_days;
  using std::chrono::year_month_day;
  const auto after = [&](year_month_day day) { return zone.start_of(year_month_day{sys_days{day} + days{1}}); };
  if (!valid.for_ && valid.until) return after(*valid.until);
  WallTime end = beginning(valid, issued, zone) + valid.for_.value_or(kDefaultValidity);
  if (valid.end_of_day) {
    const auto day = zone.local(end).day;
    if (end != zone.start_of(day)) end = after(day);
  }
  return valid.until ? std::min(end, after(*valid.until)) : end;
}

bool is_open(const WeekHours& hours, WallTime now, const ZoneTime& zone) {
  if (std::ranges::all_of(hours, [](const auto& windows) { return windows.empty(); })) return true;
  const auto local = zone.local(now);
  const auto crosses = [](const Hours& window) { return window.to <= window.from; };
  const auto& today = hours[local.weekday.c_encoding()];
  const auto& yesterday = hours[(local.weekday - std::chrono::days{1}).c_encoding()];
  return std::ranges::any_of(today,
                             [&](const Hours& window) {
                               return local.minute >= window.from && (crosses(window) || local.minute < window.to);
                             }) ||
         std::ranges::any_of(yesterday,
                             [&](const Hours& window) { return crosses(window) && local.minute < window.to; });
}

}  // namespace foyer::campaign
