#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/hearing.hpp"
#include "ledger/ledger.hpp"
#include "sync/uplink.hpp"

namespace foyer::app {

/// One moment of the whole house, gathered from its threads.
struct Snapshot {
  std::string version;
  double up_seconds = 0;
  Hearing::Figures heard;
  ports::RadioStatus radio;
  presence::Figures presence;
  std::size_t eids = 0, leases = 0;
  std::uint64_t leases_evicted = 0, wrong_minors = 0;
  std::size_t sessions = 0, sessions_open = 0;
  std::size_t core_depth = 0;
  std::uint64_t core_refused = 0;
  ledger::Figures ledger;
  std::map<Stream, ledger::StreamState> streams;
  bool has_uplink = false;
  sync::UplinkStatus uplink;
  std::uint64_t events_refused = 0;
  std::vector<std::pair<std::string, std::uint64_t>> guest_http;  ///< counters of the guests' listeners
};

/// Prometheus text format 0.0.4, every name with the prefix foyer_ (docs/metrics.md).
std::string to_prometheus(const Snapshot& snapshot);

}  // namespace foyer::app
