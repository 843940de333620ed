#include "portal/tally.hpp"

#include <algorithm>

namespace foyer::portal {

namespace {

struct Probe {
  std::string_view host;  ///< itself or anything below it
  System system;
};

/// The hosts that systems are known to ask. Android is the answer to any /generate_204 or /gen_204: its makers have
/// hosts of their own, and new ones.
constexpr Probe kProbes[] = {
    {"apple.com", System::apple},
    {"cdn-apple.com", System::apple},
    {"apple.com.edgekey.net", System::apple},
    {"appleiphonecell.com", System::apple},
    {"airport.us", System::apple},
    {"ibook.info", System::apple},
    {"itools.info", System::apple},
    {"thinkdifferent.us", System::apple},
    {"msftconnecttest.com", System::windows},
    {"msftncsi.com", System::windows},
    {"detectportal.firefox.com", System::firefox},
    {"clients3.google.com", System::chrome},
    {"www.gstatic.com", System::chrome},
    {"nmcheck.gnome.org", System::linux},
    {"connectivity-check.ubuntu.com", System::linux},
    {"network-test.debian.org", System::linux},
    {"fedoraproject.org", System::linux},
};

bool is_at(std::string_view host, std::string_view known) {
  if (!host.ends_with(known)) return false;
  return host.size() == known.size() || host[host.size() - known.size() - 1] == '.';
}

}  // namespace

std::string_view to_string(System system) {
  switch (system) {
    case System::apple: return "apple";
    case System::android: return "android";
    case System::windows: return "windows";
    case System::firefox: return "firefox";
    case System::chrome: return "chrome";
    case System::kindle: return "kindle";
    case System::linux: return "linux";
    case System::other: return "other";
  }
  return "other";
}

System probing_system(std::string_view host, std::string_view path) {
  if (path.starts_with("/kindle-wifi/")) return System::kindle;
  const auto* const found =
      std::find_if(std::begin(kProbes), std::end(kProbes), [&](const Probe& one) { return is_at(host, one.host); });
  if (found != std::end(kProbes)) return found->system;
  return path == "/generate_204" || path == "/gen_204" ? System::android : System::other;
}

Tally::Counts Tally::probes() const {
  Counts out;
  for (std::size_t i = 0; i < kSystems; ++i) out.emplace_back(to_string(static_cast<System>(i)), probes_[i]);
  return out;
}

Tally::Counts Tally::admissions() const {
  Counts out;
  for (std::size_t i = 0; i < admitted_.size(); ++i) out.emplace_back(to_string(static_cast<Way>(i)), admitted_[i]);
  return out;
}

Tally::Counts Tally::refusals() const {
  Counts out;
  for (std::size_t i = 0; i < refused_.size(); ++i)
    if (refused_[i] > 0) out.emplace_back(campaign::to_string(static_cast<campaign::Reason>(i)), refused_[i]);
  return out;
}

}  // namespace foyer::portal
