#include "campaign/reason.hpp"

#include <array>
#include <cstddef>

namespace foyer::campaign {
namespace {

// In the order of the enumeration; the test walks both.
constexpr std::array<std::string_view, 25> kNames{
    "not_found",       "bad_signature",   "not_started",  "expired",          "already_redeemed", "reserved_elsewhere",
    "voided",          "wrong_store",     "wrong_holder", "min_spend",        "outside_hours",    "subject_cap",
    "campaign_cap",    "out_of_stock",    "interval",     "presence_too_low", "not_in_audience",  "holdout",
    "consent_missing", "clock_untrusted", "paused",       "nonce_used",       "nonce_expired",    "rate_limited",
    "overloaded"};
static_assert(kNames.size() == static_cast<std::size_t>(Reason::overloaded) + 1);

}  // namespace

std::string_view to_string(Reason reason) { return kNames[static_cast<std::size_t>(reason)]; }

std::optional<Reason> parse_reason(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Reason>(i);
  return std::nullopt;
}

}  // namespace foyer::campaign
