#pragma once

#include <string>

#include "sync/envelope.hpp"

namespace foyer::sync {

/// Who the tests' gateway is, and where its topics begin.
inline const Identity kIdentity{"acme", "store-001", "gw-01", "00112233445566aa"};
inline const std::string kBase = "foyer/v1/acme/store-001/gw-01";

}  // namespace foyer::sync
