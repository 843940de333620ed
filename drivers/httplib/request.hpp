#pragma once

#include <httplib.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/net.hpp"
#include "base/result.hpp"
#include "ports/http_server.hpp"

namespace foyer::drivers::httplib {

inline constexpr const char* kProblemType = "application/problem+json";

/// RFC 9457. The texts are our own: nothing of a request is repeated.
ports::HttpResponse refuse(int status, std::string_view code, std::string_view detail);

/// "http://host/path" or "https://…", as a client speaks to a proxy and some phones' probes speak to anyone.
bool is_absolute(std::string_view target);

/// Code::refuse: the target is neither a path nor absolute, or holds control characters. In absolute form its
/// authority takes the place of the Host header (RFC 9112 section 3.2.2).
Result<ports::HttpRequest> convert(const ::httplib::Request& from, const IpAddress& remote, std::uint16_t local_port,
                                   bool tls);

}  // namespace foyer::drivers::httplib
