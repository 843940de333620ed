#pragma once

#include <string_view>
#include <vector>

/// What there is to ask for, by name: docs/openapi.yaml must list exactly this.
namespace foyer::portal {

struct RouteName {
  std::string_view method, pattern;
  auto operator<=>(const RouteName&) const = default;
};

std::vector<RouteName> guest_route_names();
std::vector<RouteName> admin_route_names();

}  // namespace foyer::portal
