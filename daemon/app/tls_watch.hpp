#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/certificate.hpp"
#include "config/config.hpp"
#include "ports/clock.hpp"
#include "ports/http_server.hpp"

namespace foyer::app {

/// The certificate of portal.https while it serves: read again when its files change, judged as time goes by. Core
/// thread only. A file that is bad is reported and changes nothing: connections go on with the one that was loaded.
class TlsWatch {
 public:
  /// `listen`: as the server was bound. `turned` is called when phones may, or may no longer, be sent to it.
  TlsWatch(const config::Https& https, ports::HttpServer& server, ports::HttpListen listen, const ports::Clock& clock,
           WallTime build_date, std::function<bool()> synchronised, std::function<void()> turned);

  /// Every few seconds.
  void look();
  /// The certificate and key are read again, changed or not.
  void renew();

  bool usable() const { return usable_; }
  /// {host, state, not_after, days_left}; state is "unreadable" where there is nothing to judge.
  std::string json() const;
  /// Whole days until it ends; negative when it has.
  std::optional<std::int64_t> days_left() const;

 private:
  std::string stamp() const;
  void judge();
  CertificateState state() const;

  const config::Https https_;
  ports::HttpServer& server_;
  const ports::HttpListen listen_;
  const ports::Clock& clock_;
  const WallTime build_date_;
  const std::function<bool()> synchronised_;  ///< the wall clock is known to be right
  const std::function<void()> turned_;
  std::optional<Certificate> certificate_;
  std::string stamp_;
  std::optional<CertificateState> said_;  ///< what the log knows
  std::optional<std::int64_t> warned_day_;
  bool usable_ = true;
};

}  // namespace foyer::app
