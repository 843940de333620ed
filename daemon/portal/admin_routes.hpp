#pragma once

#include <span>
#include <string_view>

#include "portal/respond.hpp"
#include "portal/services.hpp"

/// What the files of the operator's side share; its face is portal/admin.hpp.
namespace foyer::portal {

using AdminHandler = ports::HttpResponse (*)(AdminServices&, const ports::HttpRequest&);
struct AdminRoute {
  std::string_view method, pattern;
  bool open;  ///< needs no password
  AdminHandler handler;
};

/// The service's JSON; Code::refuse is 400, Code::retry 503, the rest 500: the operator may read what went wrong.
ports::HttpResponse admin_answer(const Result<std::string>& text);

std::span<const AdminRoute> till_admin_routes();      ///< coupons, staff, people's data
std::span<const AdminRoute> campaign_admin_routes();  ///< campaigns, segments, statistics
std::span<const AdminRoute> live_admin_routes();      ///< the live page

}  // namespace foyer::portal
