#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

/// What of a TLS certificate decides whether phones will accept it. Chains are the phones' business: only they know
/// whom they trust. Any thread.
namespace foyer {

struct Certificate {
  WallTime not_before{}, not_after{};
  bool covers = false;  ///< the host it was asked for (RFC 6125)
};

/// The first certificate of a PEM text, asked for `host`. Code::refuse: there is none.
Result<Certificate> read_certificate(std::string_view pem, const std::string& host);

enum class CertificateState {
  good,
  ending,  ///< good, and over in less than kCertificateWarning
  expired,
  not_yet,     ///< begins in the future
  wrong_host,  ///< is another host's
  no_clock,    ///< our clock cannot tell: it stands before this program was built, or before the certificate begins and
               ///< nobody has set it yet
};
inline constexpr std::chrono::days kCertificateWarning{14};

/// `synchronised`: the clock is known to be right. One that is not stands in the past if anywhere (a board without a
/// battery starts where it stopped): what begins later may have begun, what is over is over.
CertificateState state_of(const Certificate& certificate, WallTime now, WallTime build_date, bool synchronised = true);
std::string_view to_string(CertificateState state);

/// Whether phones may be sent to it. With a clock that cannot tell it is as good as it was: phones have clocks of their
/// own.
constexpr bool is_usable(CertificateState state) {
  return state == CertificateState::good || state == CertificateState::ending || state == CertificateState::no_clock;
}

}  // namespace foyer
