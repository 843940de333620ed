#include "base/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <optional>

namespace foyer {

namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::optional<WallTime> wall(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return WallTime{std::chrono::seconds{::timegm(&parts)}};
}

}  // namespace

Result<Certificate> read_certificate(std::string_view pem, const std::string& host) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Free> found(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  if (!found) return fail(Code::refuse, "there is no PEM certificate in it");
  const auto from = wall(X509_get0_notBefore(found.get())), until = wall(X509_get0_notAfter(found.get()));
  if (!from || !until) return fail(Code::refuse, "the certificate's dates cannot be read");
  const bool covers = X509_check_host(found.get(), host.data(), host.size(), 0, nullptr) == 1;
  return Certificate{*from, *until, covers};
}

CertificateState state_of(const Certificate& certificate, WallTime now, WallTime build_date, bool synchronised) {
  if (!certificate.covers) return CertificateState::wrong_host;
  if (now < build_date) return CertificateState::no_clock;
  if (now < certificate.not_before) return synchronised ? CertificateState::not_yet : CertificateState::no_clock;
  if (now >= certificate.not_after) return CertificateState::expired;
  return certificate.not_after - now < kCertificateWarning ? CertificateState::ending : CertificateState::good;
}

std::string_view to_string(CertificateState state) {
  switch (state) {
    case CertificateState::good: return "good";
    case CertificateState::ending: return "ending";
    case CertificateState::expired: return "expired";
    case CertificateState::not_yet: return "not_yet";
    case CertificateState::wrong_host: return "wrong_host";
    case CertificateState::no_clock: return "no_clock";
  }
  return "expired";
}

}  // namespace foyer
