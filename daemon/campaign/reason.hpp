#pragma once

#include <optional>
#include <string_view>

namespace foyer::campaign {

/// Why not. The names are what the world sees (docs/http.md); each refusal has exactly one.
enum class Reason {
  not_found,
  bad_signature,
  not_started,
  expired,
  already_redeemed,
  reserved_elsewhere,
  voided,
  wrong_store,
  wrong_holder,
  min_spend,
  outside_hours,
  subject_cap,
  campaign_cap,
  out_of_stock,
  interval,
  presence_too_low,
  not_in_audience,
  holdout,
  consent_missing,
  clock_untrusted,
  paused,
  nonce_used,
  nonce_expired,
  rate_limited,
  overloaded,
};

std::string_view to_string(Reason reason);
std::optional<Reason> parse_reason(std::string_view name);

}  // namespace foyer::campaign
