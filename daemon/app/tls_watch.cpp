#include "app/tls_watch.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace foyer::app {

TlsWatch::TlsWatch(const config::Https& https, ports::HttpServer& server, ports::HttpListen listen,
                   const ports::Clock& clock, WallTime build_date, std::function<bool()> synchronised,
                   std::function<void()> turned)
    : https_(https),
      server_(server),
      listen_(std::move(listen)),
      clock_(clock),
      build_date_(build_date),
      synchronised_(std::move(synchronised)),
      turned_(std::move(turned)) {
  stamp_ = stamp();
  const auto pem = config::read_secret(https_.certificate);
  if (const auto read = pem ? read_certificate(*pem, https_.host) : Result<Certificate>(fail(pem)))
    certificate_ = *read;
  judge();
}

/// Changes whenever one of the files is written or replaced.
std::string TlsWatch::stamp() const {
  std::string text;
  for (const auto& file : {https_.certificate, https_.key}) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) continue;
    text += fmt::format("{}:{}:{}.{} ", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }
  return text;
}

void TlsWatch::look() {
  if (stamp() != stamp_) return renew();
  judge();
}

void TlsWatch::renew() {
  stamp_ = stamp();
  const auto pem = config::read_secret(https_.certificate);
  const auto read = pem ? read_certificate(*pem, https_.host) : Result<Certificate>(fail(pem));
  auto bound = read ? server_.bind(listen_) : Result<void>(fail(read));
  if (!bound) {
    spdlog::error("portal.https: the certificate was not renewed, the one before is kept: {}", bound.error().message);
    return;
  }
  const bool fresh = !certificate_ || certificate_->not_after != read->not_after;
  certificate_ = *read;
  if (fresh) spdlog::info("portal.https: certificate loaded, good until {}", to_rfc3339(certificate_->not_after));
  judge();
}

CertificateState TlsWatch::state() const {
  if (!certificate_) return CertificateState::expired;
  return state_of(*certificate_, clock_.wall(), build_date_, synchronised_ && synchronised_());
}

std::optional<std::int64_t> TlsWatch::days_left() const {
  if (!certificate_) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(certificate_->not_after - clock_.wall()).count();
}

/// Says what changed, and once a day that the end is near.
void TlsWatch::judge() {
  const auto now = state();
  const bool news = said_ != now || (now == CertificateState::ending && warned_day_ != days_left());
  said_ = now;
  warned_day_ = days_left();
  if (news && now == CertificateState::ending)
    spdlog::warn("portal.https: the certificate ends in {} days, at {}", *days_left(),
                 to_rfc3339(certificate_->not_after));
  else if (news && !is_usable(now))
    spdlog::error("portal.https: phones will not accept the certificate ({}): they are sent to the plain portal",
                  to_string(now));
  const bool was = std::exchange(usable_, is_usable(now));
  if (was != usable_) turned_();
}

std::string TlsWatch::json() const {
  nlohmann::json out{{"host", https_.host}, {"state", certificate_ ? to_string(state()) : "unreadable"}};
  if (certificate_) {
    out["not_after"] = to_rfc3339(certificate_->not_after);
    out["days_left"] = *days_left();
  }
  return out.dump();
}

}  // namespace foyer::app
