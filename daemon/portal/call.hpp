#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "portal/nonce.hpp"
#include "portal/portal.hpp"
#include "portal/respond.hpp"
#include "portal/services.hpp"

/// What every guest route is given: one request, who answers it, and the shared answers.
namespace foyer::portal {

struct Shared {
  Settings settings;
  TokenKeys keys;
  std::vector<NonceKey> nonces;  ///< nonce_keys(keys)
  Services& services;
  Tally& tally;
  Random random;
  std::vector<std::string> zone_ids;
  std::string terms_hash;  ///< SHA-256 over all languages' terms, hex, cut to 32: what a consent is about
};

enum class Look { page, api };

/// Consents, erasures and exports a minute and device, of each so many.
inline constexpr std::uint32_t kPrivacyPerMinute = 10;

struct Call {
  const Shared& shared;
  const ports::HttpRequest& request;
  std::string_view where;  ///< the route's pattern, for reports
  Look look = Look::page;
  std::vector<std::string> params;  ///< the {…} of the pattern, in order
  std::string language;
  std::string lang_query;  ///< "?lang=en" where the guest chose it, so that links keep it; else empty

  const Settings& settings() const { return shared.settings; }
  Services& services() const { return shared.services; }

  /// Preferred first; for texts that campaigns and the configuration bring.
  std::vector<std::string> languages() const;
  const std::string& text(const campaign::Text& text) const;

  /// A page in the layout. `values` are the template's; the texts come by themselves.
  std::string text(const std::string& key) const;  ///< of the pages' texts, in the guest's language
  ports::HttpResponse page(std::string_view name, nlohmann::json values, int status = 200) const;
  /// A refusal in the look of the route: a page that says what to do, or problem+json.
  ports::HttpResponse refuse(int status, std::string_view code, std::string_view detail = {}) const;
  ports::HttpResponse refuse(int status, campaign::Reason reason) const;
  /// Code::retry is 503 overloaded; anything else is reported and answered 500.
  ports::HttpResponse failed(const Error& error) const;
  /// 303 to a path of ours, keeping the language.
  ports::HttpResponse see(const std::string& path) const;

  /// Who asks; the response is the refusal where nobody is known at that address.
  tl::expected<Visitor, ports::HttpResponse> visitor() const;
  /// The same, at most so often a minute and device: 429 for the rest.
  tl::expected<Visitor, ports::HttpResponse> visitor_within(const char* what, std::uint32_t per_minute) const;
  /// The same as visitor(), where a stranger is welcome too: nullopt.
  tl::expected<std::optional<Visitor>, ports::HttpResponse> known() const;
  /// The cookie by which the session follows the phone to another address.
  void set_pass(ports::HttpResponse& response, const Session& session) const;
};

using Handler = ports::HttpResponse (*)(const Call&);
struct Route {
  std::string_view method, pattern;
  Look look;
  Handler handler;
};

// By subject, one file each.
std::span<const Route> home_routes();
std::span<const Route> me_routes();
std::span<const Route> admission_routes();
std::span<const Route> beacon_routes();
std::span<const Route> pairing_routes();
std::span<const Route> draw_routes();
std::span<const Route> rules_routes();
std::span<const Route> offer_routes();
std::span<const Route> coupon_routes();
std::span<const Route> till_routes();
std::span<const Route> staff_routes();
std::span<const Route> privacy_routes();
std::span<const Route> captive_routes();

/// Anything for a Host that is not ours.
ports::HttpResponse answer_foreign(const Shared& shared, std::string_view host, const ports::HttpRequest& request);

/// Where guests are sent, with its last slash: the name of the certificate, or the box's address in the family this
/// phone has reached it by.
std::string portal_url(const Settings& settings, const ports::HttpRequest& request);

/// Form refusals: 403 bad_signature, 410 expired, 429 rate_limited, 503 overloaded, 400 the rest (docs/http.md).
int status_of(campaign::Reason reason);
/// `consent=yes` is still to be given.
bool needs_consent(const Call& call, const Visitor& visitor);

/// 0 … 100,000,000 fen and the like as guests read it: "¥10.00", "10.00 EUR".
std::string money_text(const Money& money);
/// The benefit in a few words of the guest's language.
std::string benefit_text(const Call& call, const campaign::Benefit& benefit);
/// The same as the API carries it.
nlohmann::json benefit_json(const Call& call, const campaign::Benefit& benefit);
nlohmann::json coupon_json(const Call& call, const campaign::Coupon& coupon);
nlohmann::json money_json(const Money& money);
/// "value" of a coupon as events carry it: "10.00", "12.5%", or the benefit's kind; and its currency.
nlohmann::json coupon_value(const campaign::Benefit& benefit);
/// "Mon 11:00–14:00, Tue 11:00–14:00": from Monday on.
std::string week_text(const Call& call, const campaign::WeekHours& hours);
/// The prize's title in the guest's language, else what it is.
std::string prize_title(const Call& call, const campaign::WonPrize& prize);
/// The prize as the API carries it, and its title in the guest's language.
nlohmann::json prize_json(const Call& call, const campaign::WonPrize& prize);
/// "2026-11-22 14:05" in the shop's time zone.
std::string local_time(const Settings& settings, WallTime time);

}  // namespace foyer::portal
