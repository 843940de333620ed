#include "portal/admin.hpp"

#include <initializer_list>
#include <span>

#include "base/units.hpp"
#include "portal/admin_routes.hpp"
#include "portal/routes.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpRequest;
using ports::HttpResponse;

namespace {

HttpResponse failed(const Error& error) {
  switch (error.code) {
    case Code::refuse: return problem(400, "refused", error.message);
    case Code::retry: return problem(503, "overloaded", error.message);
    default: return problem(500, "internal", error.message);  // the operator may read it
  }
}

template <auto Method>
HttpResponse show(AdminServices& services, const HttpRequest&) {
  return admin_answer((services.*Method)());
}

HttpResponse metrics(AdminServices& services, const HttpRequest&) {
  const auto text = services.metrics_text();
  if (!text) return failed(text.error());
  return {200,
          {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {"Cache-Control", "no-store"}},
          *text,
          nullptr};
}

HttpResponse events(AdminServices& services, const HttpRequest&) {
  auto stream = services.follow_events();
  if (!stream) return problem(503, "overloaded", "too many are following already");
  return {200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}}, {}, std::move(stream)};
}

HttpResponse healthz(AdminServices&, const HttpRequest&) { return json_text(R"({"alive":true})"); }

HttpResponse readyz(AdminServices& services, const HttpRequest&) {
  auto [ready, text] = services.ready();
  return json_text(std::move(text), ready ? 200 : 503);
}

tl::expected<std::string, HttpResponse> read_address(const HttpRequest& request) {
  const auto body = read_object(request);
  if (!body) return tl::make_unexpected(body.error());
  auto address = read_string(*body, "address", 64);
  if (address && address->empty())
    return tl::make_unexpected(problem(400, "bad_request", "address: an IP or MAC address is needed"));
  return address;
}

HttpResponse admit(AdminServices& services, const HttpRequest& request) {
  const auto address = read_address(request);
  return address ? admin_answer(services.admit(*address)) : address.error();
}

/// Seconds as a number, or a text with a unit ("2h").
tl::expected<std::optional<std::chrono::seconds>, HttpResponse> read_time(const json& body, const char* key) {
  using Out = std::optional<std::chrono::seconds>;
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) return Out();
  if (found->is_number_unsigned() && *found <= 1'000'000'000u)
    return Out(std::chrono::seconds(found->get<std::int64_t>()));
  const auto text = read_string(body, key, 16);
  const auto parsed =
      text ? parse_duration(*text) : Result<std::chrono::milliseconds>(fail(Code::refuse, "not a text"));
  if (!parsed)
    return tl::make_unexpected(problem(400, "bad_request", std::string(key) + ": seconds, or a duration like 2h"));
  return Out(std::chrono::duration_cast<std::chrono::seconds>(*parsed));
}

HttpResponse remove(AdminServices& services, const HttpRequest& request) {
  const auto address = read_address(request);
  if (!address) return address.error();
  const auto keep_out = read_time(*read_object(request), "for");
  return keep_out ? admin_answer(services.remove(*address, *keep_out)) : keep_out.error();
}

HttpResponse mint_token(AdminServices& services, const HttpRequest& request) {
  const auto body = read_object(request);
  if (!body) return body.error();
  const auto kind = read_string(*body, "kind", 16);
  if (!kind) return kind.error();
  if (kind->empty()) return problem(400, "bad_request", "kind: poster, screen, receipt or staff is needed");
  const auto zone = read_string(*body, "zone", 64);
  if (!zone) return zone.error();
  const auto ttl = read_time(*body, "ttl");
  return ttl ? admin_answer(services.mint_token(*kind, *zone, *ttl)) : ttl.error();
}

/// One of the names, the first where the key is absent; the response says which are allowed.
template <class Value>
tl::expected<Value, HttpResponse> choose(const json& body, const char* key,
                                         std::initializer_list<std::pair<std::string_view, Value>> choices) {
  const auto text = read_string(body, key, 16);
  if (!text) return tl::make_unexpected(text.error());
  std::string names;
  for (const auto& [name, value] : choices) {
    if (text->empty() || *text == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return tl::make_unexpected(problem(400, "bad_request", std::string(key) + ": " + names + " are allowed"));
}

HttpResponse print_picture(AdminServices& services, const HttpRequest& request) {
  using What = PrintOrder::What;
  using Format = PrintOrder::Format;
  const auto body = read_object(request);
  if (!body) return body.error();
  const auto what =
      choose<What>(*body, "what", {{"wifi", What::wifi}, {"poster", What::poster}, {"screen", What::screen}});
  if (!what) return what.error();
  const auto format = choose<Format>(
      *body, "format",
      {{"terminal", Format::terminal}, {"svg", Format::svg}, {"png", Format::png}, {"html", Format::html}});
  if (!format) return format.error();
  const auto a5 = choose<bool>(*body, "paper", {{"a4", false}, {"a5", true}});
  if (!a5) return a5.error();
  const auto zone = read_string(*body, "zone", 64);
  if (!zone) return zone.error();
  const auto ttl = read_time(*body, "ttl");
  if (!ttl) return ttl.error();
  const PrintOrder order{*what, *format, *a5, *zone, *ttl};
  const auto facts = services.print_facts(order);
  if (!facts) return failed(facts.error());
  auto printed = print(order, *facts);
  if (!printed) return failed(printed.error());
  return {200, {{"Content-Type", printed->type}, {"Cache-Control", "no-store"}}, std::move(printed->content), nullptr};
}

HttpResponse rotate_tokens(AdminServices& services, const HttpRequest& request) {
  const auto body = read_object(request);
  return body ? admin_answer(services.rotate_tokens()) : body.error();
}

/// RFC 7617 has the padded alphabet of RFC 4648 section 4; nullopt when it is not that.
std::optional<Bytes> from_base64(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return from_base64url(text);
}

}  // namespace

HttpResponse admin_answer(const Result<std::string>& text) { return text ? json_text(*text) : failed(text.error()); }

namespace {

std::vector<AdminRoute> all_routes() {
  static constexpr AdminRoute kRoutes[] = {
      {"GET", "/v1/status", false, show<&AdminServices::status_json>},
      {"GET", "/v1/radio", false, show<&AdminServices::radio_json>},
      {"GET", "/v1/presence", false, show<&AdminServices::presence_json>},
      {"GET", "/v1/presence/hours", false, show<&AdminServices::presence_hours_json>},
      {"GET", "/v1/clients", false, show<&AdminServices::clients_json>},
      {"GET", "/v1/outbox", false, show<&AdminServices::outbox_json>},
      {"GET", "/v1/events", false, events},
      {"POST", "/v1/clients/admit", false, admit},
      {"POST", "/v1/clients/remove", false, remove},
      {"POST", "/v1/tokens", false, mint_token},
      {"POST", "/v1/qr", false, print_picture},
      {"POST", "/v1/tokens/rotate", false, rotate_tokens},
      {"GET", "/metrics", true, metrics},
      {"GET", "/healthz", true, healthz},
      {"GET", "/readyz", true, readyz},
  };
  std::vector<AdminRoute> routes;
  for (const auto part :
       {std::span<const AdminRoute>(kRoutes), till_admin_routes(), campaign_admin_routes(), live_admin_routes()})
    routes.insert(routes.end(), part.begin(), part.end());
  return routes;
}

}  // namespace

bool Admin::may(const HttpRequest& request) const {
  if (!password_) return true;
  constexpr std::string_view kBasic = "Basic ";
  const auto header = request.header("Authorization");
  if (!header.starts_with(kBasic)) return false;
  const auto raw = from_base64(std::string(header.substr(kBasic.size())));
  if (!raw) return false;
  const auto pair = as_text(*raw);
  if (pair.find(':') == std::string_view::npos) return false;
  const auto given = sha256(as_bytes(pair.substr(pair.find(':') + 1)));
  return constant_time_equal(given, *password_);
}

/// A page elsewhere whose name was made to lead here (DNS rebinding) brings that name along; without a password its
/// name is all that tells it from the operator. The control socket has no port, and no browser reaches it.
bool Admin::is_rebound(const HttpRequest& request) const {
  if (password_ || request.local_port == 0) return false;
  const auto host = host_of(request.header("Host"));
  return !host.empty() && host != "localhost" && !parse_ip(host);
}

HttpResponse Admin::handle(const HttpRequest& request) const {
  if (is_rebound(request)) return problem(421, "misdirected", "ask by address, or set admin.password_file");
  const bool head = request.method == "HEAD";
  std::vector<std::string> params;
  std::string allowed;
  static const auto kAll = all_routes();
  for (const auto& route : kAll) {
    if (!match(route.pattern, request.path, params)) continue;
    if (route.method != (head ? "GET" : request.method)) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    if (!route.open && !may(request)) {
      auto out = problem(401, "unauthorized", "the password of admin.password_file is needed");
      out.headers.emplace_back("WWW-Authenticate", "Basic realm=\"foyer\", charset=\"UTF-8\"");
      return out;
    }
    if (route.method != "GET" && is_cross_site(request)) return problem(403, "cross_site");
    return route.handler(services_, request);
  }
  if (allowed.empty()) return problem(404, "not_found");
  auto out = problem(405, "method_not_allowed");
  out.headers.emplace_back("Allow", allowed);
  return out;
}

std::vector<RouteName> admin_route_names() {
  std::vector<RouteName> names;
  for (const auto& route : all_routes()) names.push_back({route.method, route.pattern});
  return names;
}

}  // namespace foyer::portal
