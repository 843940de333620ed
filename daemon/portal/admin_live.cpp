#include "portal/admin_routes.hpp"
#include "portal/html.hpp"

namespace foyer::portal {

using ports::HttpRequest;
using ports::HttpResponse;

namespace {

/// Nothing but our own files and answers, framed by nobody: an event's text is never markup.
constexpr const char* kLivePolicy =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors "
    "'none'";

HttpResponse file(const char* name, const char* type) {
  return {200,
          {{"Content-Type", type},
           {"Cache-Control", "no-store"},
           {"Content-Security-Policy", kLivePolicy},
           {"X-Content-Type-Options", "nosniff"},
           {"Referrer-Policy", "same-origin"}},
          std::string(embedded_page(name)),
          nullptr};
}

HttpResponse page(AdminServices&, const HttpRequest&) { return file("live.mustache", "text/html; charset=utf-8"); }
HttpResponse css(AdminServices&, const HttpRequest&) { return file("live.css", "text/css; charset=utf-8"); }
HttpResponse js(AdminServices&, const HttpRequest&) { return file("live.js", "text/javascript; charset=utf-8"); }

}  // namespace

std::span<const AdminRoute> live_admin_routes() {
  static constexpr AdminRoute kRoutes[] = {
      {"GET", "/", false, page},
      {"GET", "/assets/live.css", false, css},
      {"GET", "/assets/live.js", false, js},
  };
  return kRoutes;
}

}  // namespace foyer::portal
