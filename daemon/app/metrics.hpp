#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "app/hearing.hpp"
#include "app/histogram.hpp"
#include "ledger/ledger.hpp"
#include "portal/tally.hpp"
#include "sync/uplink.hpp"

namespace foyer::app {

/// One moment of the whole house, gathered from its threads.
struct Snapshot {
  std::string version;
  double up_seconds = 0;
  Hearing::Figures heard;
  ports::RadioStatus radio;
  presence::Figures presence;
  std::size_t least_shoppers = 0;  ///< a smaller number of them is not given
  std::size_t eids = 0, leases = 0;
  std::size_t reports = 0;
  std::uint64_t leases_evicted = 0, wrong_minors = 0, reports_evicted = 0;
  std::size_t sessions = 0, sessions_open = 0;
  std::map<std::string, std::uint64_t> gate_tallies;  ///< packets
  Histogram gate_times{{}};
  std::size_t core_depth = 0;
  std::uint64_t core_refused = 0;
  ledger::Figures ledger;
  std::map<Stream, ledger::StreamState> streams;
  bool has_uplink = false;
  sync::UplinkStatus uplink;
  std::uint64_t events_refused = 0;
  std::vector<std::tuple<std::string, std::string, std::uint64_t>> refusals;  ///< what, reason, how often
  std::size_t offer_waits = 0, wifi_visits = 0;
  std::uint64_t happenings_lost = 0;
  std::vector<std::pair<std::string, std::uint64_t>> guest_http;  ///< counters of the guests' listeners
  portal::Tally::Counts probes, admissions, admissions_refused;
  std::uint64_t redirects = 0, panics = 0;
  std::string certificate;                       ///< JSON; empty: no TLS
  std::optional<std::int64_t> certificate_days;  ///< until it ends
};

/// Prometheus text format 0.0.4, every name with the prefix foyer_ (docs/metrics.md).
std::string to_prometheus(const Snapshot& snapshot);

}  // namespace foyer::app
