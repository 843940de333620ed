#pragma once

#include <memory>

#include "ports/http_server.hpp"

namespace foyer::drivers::httplib {

/// One listener on cpp-httplib's parser and writer. Sockets, threads, time limits and the bounded queue are our own,
/// because the versions Debian ships read lines without a bound and let a slow client hold a worker (docs/http.md).
/// TLS 1.2 or newer when the listen order names a certificate.
std::unique_ptr<ports::HttpServer> make_server();

}  // namespace foyer::drivers::httplib
