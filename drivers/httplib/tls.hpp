#pragma once

#include <string>

#include "base/result.hpp"
#include "drivers/httplib/connection.hpp"

namespace foyer::drivers::httplib {

/// TLS 1.2 or newer with this chain and key (PEM files). Code::refuse names the file that is wrong.
Result<SslContext> make_tls(const std::string& certificate, const std::string& key);

}  // namespace foyer::drivers::httplib
