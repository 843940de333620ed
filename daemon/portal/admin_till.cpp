// Coupons, staff and people's data on the operator's side.
#include <array>
#include <vector>

#include "campaign/coupon_seal.hpp"
#include "portal/admin_routes.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpRequest;
using ports::HttpResponse;

namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestReason = 200;
constexpr std::size_t kMostCodesAtOnce = 1000;

/// The named texts of the body, each needed and of at most so many characters.
template <std::size_t N>
tl::expected<std::array<std::string, N>, HttpResponse> needed(
    const HttpRequest& request, const std::array<std::pair<const char*, std::size_t>, N>& keys) {
  const auto body = read_object(request);
  if (!body) return tl::make_unexpected(body.error());
  std::array<std::string, N> out;
  for (std::size_t i = 0; i < N; ++i) {
    auto text = read_string(*body, keys[i].first, keys[i].second);
    if (!text) return tl::make_unexpected(text.error());
    if (text->empty())
      return tl::make_unexpected(problem(400, "bad_request", std::string(keys[i].first) + ": is needed"));
    out[i] = std::move(*text);
  }
  return out;
}

constexpr std::pair<const char*, std::size_t> kCode{"code", campaign::kLongestSeal}, kSubject{"subject", kLongestName},
    kName{"name", kLongestName};

/// A route that hands one text of the body on.
template <const std::pair<const char*, std::size_t>& Key, auto Method>
HttpResponse ask(AdminServices& services, const HttpRequest& request) {
  const auto texts = needed<1>(request, {Key});
  return texts ? admin_answer((services.*Method)((*texts)[0])) : texts.error();
}

HttpResponse void_coupon(AdminServices& services, const HttpRequest& request) {
  const auto texts = needed<2>(request, {kCode, {"reason", kLongestReason}});
  return texts ? admin_answer(services.void_coupon((*texts)[0], (*texts)[1], {})) : texts.error();
}

HttpResponse import_codes(AdminServices& services, const HttpRequest& request) {
  const auto texts = needed<2>(request, {std::pair{"campaign", kLongestName}, std::pair{"prize", kLongestName}});
  if (!texts) return texts.error();
  const auto body = read_object(request);
  if (!body) return body.error();
  const auto list = body->find("codes");
  if (list == body->end() || !list->is_array() || list->size() > kMostCodesAtOnce)
    return problem(400, "bad_request", "codes: a list of at most " + std::to_string(kMostCodesAtOnce) + " texts");
  std::vector<std::string> codes;
  for (const auto& code : *list) {
    if (!code.is_string()) return problem(400, "bad_request", "codes: a list of texts");
    codes.push_back(code.get<std::string>());
  }
  const auto dry = body->find("dry");
  if (dry != body->end() && !dry->is_boolean()) return problem(400, "bad_request", "dry: true or false");
  return admin_answer(
      services.import_codes((*texts)[0], (*texts)[1], std::move(codes), dry != body->end() && dry->get<bool>()));
}

HttpResponse add_staff(AdminServices& services, const HttpRequest& request) {
  const auto texts = needed<1>(request, {kName});
  if (!texts) return texts.error();
  const auto body = read_object(request);
  if (!body) return body.error();
  auto role = read_string(*body, "role", kLongestName);
  if (!role) return role.error();
  const auto pin = read_string(*body, "pin", kLongestName);
  if (!pin) return pin.error();
  if (role->empty()) *role = "cashier";
  if (*role != "cashier" && *role != "manager") return problem(400, "bad_request", "role: cashier or manager");
  if (!pin->empty() && pin->size() < 4)
    return problem(400, "bad_request", "pin: at least 4 characters, or none: then one is made");
  return admin_answer(services.add_staff((*texts)[0], *role, *pin));
}

HttpResponse staff(AdminServices& services, const HttpRequest&) { return admin_answer(services.staff_json()); }
HttpResponse key(AdminServices& services, const HttpRequest&) { return admin_answer(services.coupon_key_json()); }

}  // namespace

std::span<const AdminRoute> till_admin_routes() {
  static constexpr AdminRoute kRoutes[] = {
      {"POST", "/v1/coupons/show", false, ask<kCode, &AdminServices::coupon_json>},
      {"POST", "/v1/coupons/redeem", false, ask<kCode, &AdminServices::redeem>},
      {"POST", "/v1/coupons/void", false, void_coupon},
      {"POST", "/v1/coupons/import", false, import_codes},
      {"GET", "/v1/coupons/key", false, key},
      {"GET", "/v1/staff", false, staff},
      {"POST", "/v1/staff", false, add_staff},
      {"POST", "/v1/staff/remove", false, ask<kName, &AdminServices::remove_staff>},
      {"POST", "/v1/subjects/export", false, ask<kSubject, &AdminServices::export_subject>},
      {"POST", "/v1/subjects/erase", false, ask<kSubject, &AdminServices::erase_subject>},
  };
  return kRoutes;
}

}  // namespace foyer::portal
