#pragma once

#include <optional>

#include "base/crypto.hpp"
#include "portal/services.hpp"
#include "ports/http_server.hpp"

namespace foyer::portal {

/// The operator's side: admin.http and the control socket. One object for each listener; no state.
/// handle() may be called on many threads at once.
class Admin {
 public:
  /// `password`: SHA-256 of it, asked for by HTTP Basic with any user name except for /metrics, /healthz and /readyz.
  /// Absent (the control socket, whose file mode is the guard): nobody is asked.
  explicit Admin(AdminServices& services, std::optional<Digest> password = std::nullopt)
      : services_(services), password_(password) {}
  ports::HttpResponse handle(const ports::HttpRequest& request) const;

 private:
  bool may(const ports::HttpRequest& request) const;
  bool is_rebound(const ports::HttpRequest& request) const;

  AdminServices& services_;
  std::optional<Digest> password_;
};

}  // namespace foyer::portal
