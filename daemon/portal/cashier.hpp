#pragma once

#include "portal/call.hpp"

/// Who stands at the till, and what a till's request says. Shared by the POS routes and the staff's pages.
namespace foyer::portal {

struct Cashier {
  std::string name;  ///< of the key, or of the member of staff
  bool staff = false;
  bool may_void = true;  ///< a POS key and a manager; a cashier may not
};

/// `Authorization: Bearer KEY`, else a staff session's cookie. The response is 401.
tl::expected<Cashier, ports::HttpResponse> cashier_of(const Call& call);

/// The cookie of a staff session, and who it is; nullopt: nobody, or not any more.
inline constexpr std::string_view kStaffCookie = "foyer_staff";
std::string staff_token(const ports::HttpRequest& request);
tl::expected<std::optional<StaffMember>, ports::HttpResponse> staff_of(const Call& call);

/// A body of /v1/pos/…; the response names what is wrong with it.
tl::expected<campaign::TillRequest, ports::HttpResponse> read_till(const Call& call, campaign::TillAction action,
                                                                   const Cashier& cashier);

/// What was scanned or typed, into the request. False: it cannot be the code of anything. bad_signature: a seal that is
/// none of the chain's.
tl::expected<bool, campaign::Reason> read_shown(const Call& call, std::string_view typed,
                                                campaign::TillRequest& request);

/// The coupon as a till sees it: without the code, which is its holder's.
nlohmann::json coupon_at_till(const Call& call, const campaign::Coupon& coupon);

/// 404, 409, 429 or 503.
ports::HttpResponse refused_at_till(const Call& call, campaign::Reason reason);

}  // namespace foyer::portal
