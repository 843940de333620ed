#include <fmt/format.h>

#include "sync/uplink.hpp"

namespace foyer::sync {

std::string Identity::base() const { return fmt::format("foyer/v1/{}/{}/{}", tenant, store, gateway); }

std::string Identity::source() const { return fmt::format("/{}/{}/{}", tenant, store, gateway); }

}  // namespace foyer::sync
