#pragma once

#include <string>

#include "campaign/zone_time.hpp"
#include "ledger/ledger.hpp"

namespace foyer::app {

/// /v1/stats (docs/openapi.yaml): the funnel by campaign and zone over the local days, by hour over the last two days,
/// and holdout against treated. Numbers of fewer than k people are null.
std::string statistics_json(const ledger::Ledger::Statistics& statistics, int days, std::uint64_t k,
                            const campaign::ZoneTime& zone);

}  // namespace foyer::app
