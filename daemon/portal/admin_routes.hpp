#pragma once

#include <span>
#include <string_view>

#include "portal/services.hpp"
#include "ports/http_server.hpp"

/// What the files of the operator's side share.
namespace foyer::portal {

struct AdminRoute {
  std::string_view method, pattern;
  bool open;  ///< needs no password
  ports::HttpResponse (*handler)(AdminServices&, const ports::HttpRequest&);
};

/// 200 with the JSON, or the refusal as problem+json.
ports::HttpResponse answer(const Result<std::string>& text);

std::span<const AdminRoute> campaign_admin_routes();  ///< campaigns, segments, statistics
std::span<const AdminRoute> live_admin_routes();      ///< the live page

}  // namespace foyer::portal
