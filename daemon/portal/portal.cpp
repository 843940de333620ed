#include "portal/portal.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "portal/call.hpp"
#include "portal/html.hpp"
#include "portal/routes.hpp"

namespace foyer::portal {

using ports::HttpRequest;
using ports::HttpResponse;

namespace {

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  for (const auto part : {home_routes(), me_routes(), admission_routes(), pairing_routes(), beacon_routes(),
                          draw_routes(), rules_routes(), offer_routes(), coupon_routes(), till_routes(), staff_routes(),
                          privacy_routes(), captive_routes()})
    routes.insert(routes.end(), part.begin(), part.end());
  return routes;
}

std::vector<std::string> ids_of(const std::vector<ZoneName>& zones) {
  std::vector<std::string> ids;
  for (const auto& zone : zones) ids.push_back(zone.id);
  return ids;
}

/// Language, zero byte, text, zero byte, for each: changes when any word of the terms does.
std::string hash_of(const campaign::Text& terms) {
  std::string all;
  for (const auto& [language, text] : terms) all += language + '\0' + text + '\0';
  return to_hex(sha256(as_bytes(all))).substr(0, 32);
}

bool offered(const std::vector<std::string>& languages, const std::string& language) {
  return std::find(languages.begin(), languages.end(), language) != languages.end();
}

}  // namespace

class Portal::Impl {
 public:
  Impl(Settings settings, TokenKeys keys, Services& services, Tally& tally, Random random)
      : routes_(all_routes()),
        shared_{std::move(settings), keys, nonce_keys(keys), services, tally, std::move(random), {}, {}} {
    shared_.zone_ids = ids_of(shared_.settings.zones);
    shared_.terms_hash = hash_of(shared_.settings.terms);
  }

  HttpResponse handle(const HttpRequest& request) const {
    const auto host = host_of(request.header("Host"));
    if (!is_own(host, request)) return answer_foreign(shared_, host, request);
    Call call{shared_, request, {}, look_of(request.path), {}, {}, {}};
    choose_language(call);
    const bool head = request.method == "HEAD";
    std::string allowed;
    for (const auto& route : routes_) {
      if (!match(route.pattern, request.path, call.params)) continue;
      if (route.method != (head ? "GET" : request.method)) {
        allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
        continue;
      }
      call.where = route.pattern;
      call.look = route.look;
      if (request.method != "GET" && !head && is_cross_site(request)) return call.refuse(403, "cross_site");
      if (call.look == Look::api && !head && !request.body.empty() && !is_json(request))
        return call.refuse(415, "unsupported_media_type", "send JSON with Content-Type: application/json");
      return run(route.handler, call);
    }
    return nothing(call, allowed);
  }

  const std::string& terms_hash() const { return shared_.terms_hash; }
  std::string required_terms() const { return shared_.settings.consent_required ? shared_.terms_hash : ""; }

 private:
  /// What a handler throws is a bug: this guest is told, it is counted and reported, and the others go on.
  HttpResponse run(Handler handler, const Call& call) const {
    try {
      return handler(call);
    } catch (const std::exception& error) {
      shared_.tally.panic();
      return call.failed(Error{Code::fatal, std::string("panic: ") + error.what()});
    }
  }

  /// Ours: the names and addresses of the configuration, and the very IPv6 address this phone has reached us at.
  bool is_own(const std::string& host, const HttpRequest& request) const {
    if (offered(shared_.settings.own_hosts, host)) return true;
    const auto ip = parse_ip(host);
    if (ip && ip->family == IpAddress::Family::v6 && *ip == request.local) return true;
    return shared_.settings.own_loopback && (host == "localhost" || (ip && is_loopback(*ip)));
  }

  static Look look_of(const std::string& path) {
    return path.starts_with("/v1/") || path.starts_with("/captive/") ? Look::api : Look::page;
  }

  static HttpResponse nothing(const Call& call, const std::string& allowed) {
    if (allowed.empty()) return call.refuse(404, campaign::Reason::not_found);
    auto out = call.refuse(405, "method_not_allowed");
    out.headers.emplace_back("Allow", allowed);
    return out;
  }

  void choose_language(Call& call) const {
    const auto& ours = page_languages();
    const auto wanted = field(call.request.query, "lang");
    if (offered(ours, wanted)) {
      call.language = wanted;
      call.lang_query = "?lang=" + wanted;
      return;
    }
    call.language = best_language(call.request.header("Accept-Language"), ours);
    if (!call.language.empty()) return;
    for (const auto& language : shared_.settings.languages)
      if (offered(ours, language)) {
        call.language = language;
        return;
      }
    call.language = "en";
  }

  const std::vector<Route> routes_;
  Shared shared_;
};

Portal::Portal(Settings settings, TokenKeys keys, Services& services, Tally& tally, Random random)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(keys), services, tally, std::move(random))) {}
Portal::~Portal() = default;

const std::string& Portal::terms_hash() const { return impl_->terms_hash(); }

std::string Portal::required_terms() const { return impl_->required_terms(); }

HttpResponse Portal::handle(const HttpRequest& request) const { return impl_->handle(request); }

std::vector<RouteName> guest_route_names() {
  std::vector<RouteName> names;
  for (const auto& route : all_routes()) names.push_back({route.method, route.pattern});
  return names;
}

}  // namespace foyer::portal
