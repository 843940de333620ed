#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/session.hpp"
#include "campaign/reason.hpp"

namespace foyer::portal {

/// Whose system asks whether it is online. Only ever counted: what is answered does not depend on it.
enum class System : std::uint8_t { apple, android, windows, firefox, chrome, kindle, linux, other };
inline constexpr std::size_t kSystems = 8;
std::string_view to_string(System system);

/// Of a request for a host that is not ours, by host and path; `other`: no probe, somebody who typed an address.
System probing_system(std::string_view host, std::string_view path);

/// What the guests' side counts, since start: it outlives the Portal that a reload replaces. Any thread.
class Tally {
 public:
  void probe(System system) { add(probes_[static_cast<std::size_t>(system)]); }
  void redirect() { add(redirects_); }
  void admitted(Way way) { add(admitted_[static_cast<std::size_t>(way)]); }
  void refused(campaign::Reason reason) { add(refused_[static_cast<std::size_t>(reason)]); }
  void panic() { add(panics_); }

  using Counts = std::vector<std::pair<std::string, std::uint64_t>>;
  Counts probes() const;      ///< by system, zeros too
  Counts admissions() const;  ///< by way, zeros too
  Counts refusals() const;    ///< by reason, those that happened
  std::uint64_t redirects() const { return redirects_; }
  std::uint64_t panics() const { return panics_; }

 private:
  using Count = std::atomic<std::uint64_t>;
  static void add(Count& count) { count.fetch_add(1, std::memory_order_relaxed); }

  std::array<Count, kSystems> probes_{};
  std::array<Count, 6> admitted_{};
  std::array<Count, 32> refused_{};
  Count redirects_{0}, panics_{0};
};

}  // namespace foyer::portal
